import CairnTestSupport
import NIOCore
import NIOPosix
import Synchronization

/// Stands between the coordinators and a node, and cuts them off from each other.
///
/// The node listens on 127.0.0.1 and says that it is to be reached at 127.0.0.2, where this listens on the same port.
final class CutProxy: Sendable {
  static let host = "127.0.0.2"

  private struct State {
    var listener: (any Channel)?
    var isSilent = false
    var channels: [ObjectIdentifier: any Channel] = [:]
  }

  private let port: Int
  private let state = Mutex(State())

  init(port: Int) async throws {
    self.port = port
    try await open()
  }

  deinit {
    let (listener, channels) = state.withLock { ($0.listener, $0.channels) }
    listener?.close(promise: nil)
    for channel in channels.values { channel.close(promise: nil) }
  }

  /// Breaks all connections, and refuses new ones.
  func cut() async throws {
    let (listener, channels) = state.withLock { state in
      defer { state.listener = nil }
      return (state.listener, Array(state.channels.values))
    }
    try await listener?.close()
    for channel in channels { channel.close(promise: nil) }
  }

  /// Keeps all connections, and lets nothing through.
  func silence() { setSilent(true) }

  /// Undoes ``cut()`` and ``silence()``.
  func heal() async throws {
    setSilent(false)
    if state.withLock({ $0.listener == nil }) { try await open() }
  }

  private func setSilent(_ isSilent: Bool) {
    let channels = state.withLock { state in
      state.isSilent = isSilent
      return Array(state.channels.values)
    }
    for channel in channels { channel.setOption(ChannelOptions.autoRead, value: !isSilent).whenFailure { _ in } }
  }

  private func open() async throws {
    let bootstrap = ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .serverChannelOption(ChannelOptions.socketOption(.so_reuseaddr), value: 1)
      .childChannelOption(ChannelOptions.autoRead, value: false)
      .childChannelInitializer { [weak self] client in
        guard let self else { return client.close() }
        return self.connect(client)
      }
    // A connection that leaves from here may have the port for a moment.
    let listener = try await eventually("\(Self.host):\(port) is free") {
      try? await bootstrap.bind(host: Self.host, port: self.port).get()
    }
    state.withLock { $0.listener = listener }
  }

  private func connect(_ client: any Channel) -> EventLoopFuture<Void> {
    ClientBootstrap(group: client.eventLoop)
      .channelOption(ChannelOptions.autoRead, value: false)
      .connect(host: "127.0.0.1", port: port)
      .flatMap { node in
        client.pipeline.addHandler(Relay(to: node)).and(node.pipeline.addHandler(Relay(to: client))).map { _ in node }
      }
      .flatMap { node in
        self.add(client)
        self.add(node)
        let isOpen = self.state.withLock { !$0.isSilent }
        return client.setOption(ChannelOptions.autoRead, value: isOpen)
          .and(node.setOption(ChannelOptions.autoRead, value: isOpen)).map { _ in }
      }
  }

  private func add(_ channel: any Channel) {
    let id = ObjectIdentifier(channel)
    state.withLock { $0.channels[id] = channel }
    channel.closeFuture.whenComplete { [weak self] _ in
      self?.state.withLock { $0.channels[id] = nil }
    }
  }
}

/// Passes on what it reads. Without back-pressure: nobody sends more than some chunks at once.
private final class Relay: ChannelInboundHandler, @unchecked Sendable {
  typealias InboundIn = ByteBuffer

  private let other: any Channel

  init(to other: any Channel) {
    self.other = other
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    other.writeAndFlush(unwrapInboundIn(data), promise: nil)
  }

  func channelInactive(context: ChannelHandlerContext) {
    other.close(promise: nil)
    context.fireChannelInactive()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    context.close(promise: nil)
  }
}
