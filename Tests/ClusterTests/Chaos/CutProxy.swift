import CairnTestSupport
import NIOCore
import NIOPosix
import Synchronization

/// Stands between the coordinators and a node: cuts them off from each other, slows them down, damages what they say.
///
/// The node listens on 127.0.0.1 and says that it is to be reached at 127.0.0.2, where this listens on the same port.
final class CutProxy: Sendable {
  static let host = "127.0.0.2"

  private struct State {
    var listener: (any Channel)?
    var isSilent = false
    /// Bytes a second, each way; nil for all that there are.
    var rate: Int?
    var isDamaging = false
    var random: SeededRandom
    var channels: [ObjectIdentifier: any Channel] = [:]
  }

  private let port: Int
  private let host: String
  private let target: String
  private let state: Mutex<State>

  /// - Parameters:
  ///   - port: where the node listens at `target`, and this at `host`.
  ///   - seed: of what is damaged.
  init(port: Int, seed: UInt64 = 0, host: String = CutProxy.host, target: String = "127.0.0.1") async throws {
    self.port = port
    self.host = host
    self.target = target
    state = Mutex(State(random: SeededRandom(seed: seed &+ UInt64(port))))
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

  /// Lets this many bytes a second through, each way.
  func slow(_ rate: Int) { state.withLock { $0.rate = rate } }

  /// Flips a bit now and then.
  func damage() { state.withLock { $0.isDamaging = true } }

  /// Undoes all of these.
  func heal() async throws {
    state.withLock { state in
      state.rate = nil
      state.isDamaging = false
    }
    setSilent(false)
    if state.withLock({ $0.listener == nil }) { try await open() }
  }

  /// Does its harm to a piece on its way.
  ///
  /// - Returns: how long nothing may follow it.
  fileprivate func pass(_ piece: inout ByteBuffer) -> TimeAmount? {
    state.withLock { state in
      // In one piece of a hundred, of up to 64 KiB.
      if state.isDamaging, Int.random(in: 0..<100, using: &state.random) == 0, piece.readableBytes > 0 {
        let place = piece.readerIndex + Int.random(in: 0..<piece.readableBytes, using: &state.random)
        if let byte = piece.getInteger(at: place, as: UInt8.self) {
          piece.setInteger(byte ^ 1 << UInt8.random(in: 0..<8, using: &state.random), at: place)
        }
      }
      return state.rate.map { .nanoseconds(Int64(piece.readableBytes) * 1_000_000_000 / Int64($0)) }
    }
  }

  fileprivate var isSilent: Bool { state.withLock { $0.isSilent } }

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
    let listener = try await eventually("\(host):\(port) is free") {
      try? await bootstrap.bind(host: self.host, port: self.port).get()
    }
    state.withLock { $0.listener = listener }
  }

  private func connect(_ client: any Channel) -> EventLoopFuture<Void> {
    ClientBootstrap(group: client.eventLoop)
      .channelOption(ChannelOptions.autoRead, value: false)
      .connect(host: target, port: port)
      .flatMap { node in
        client.pipeline.addHandler(Relay(to: node, of: self))
          .and(node.pipeline.addHandler(Relay(to: client, of: self))).map { _ in node }
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

/// Passes on what it reads. Without back-pressure, unless it is to be slow: nobody sends more than some chunks at once.
private final class Relay: ChannelInboundHandler, @unchecked Sendable {
  typealias InboundIn = ByteBuffer

  private let other: any Channel
  private weak var proxy: CutProxy?
  /// When what came so far has passed, in a slow line.
  private var free = NIODeadline.uptimeNanoseconds(0)

  init(to other: any Channel, of proxy: CutProxy) {
    self.other = other
    self.proxy = proxy
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    var piece = unwrapInboundIn(data)
    let delay = proxy?.pass(&piece)
    other.writeAndFlush(piece, promise: nil)
    guard let delay else { return }
    free = max(free, .now()) + delay
    let channel = context.channel
    channel.setOption(ChannelOptions.autoRead, value: false).whenFailure { _ in }
    context.eventLoop.scheduleTask(deadline: free) { [weak self] in
      guard let self, self.free <= .now(), self.proxy?.isSilent == false else { return }
      channel.setOption(ChannelOptions.autoRead, value: true).whenFailure { _ in }
    }
  }

  func channelInactive(context: ChannelHandlerContext) {
    other.close(promise: nil)
    context.fireChannelInactive()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    context.close(promise: nil)
  }
}
