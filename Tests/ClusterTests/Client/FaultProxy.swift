import CairnTestSupport
import NIOCore
import NIOPosix
import Synchronization

/// Stands between a client and a server, and does one thing to the bytes that one of them sends.
final class FaultProxy: Sendable {
  enum Fault: Hashable, Sendable {
    /// Changes one bit of the byte at an offset, in every connection that gets so far.
    case flip(Int)
    /// Breaks the first connection that gets to an offset.
    case cut(Int)
    /// Lets nothing through from an offset on.
    case stall(Int)
  }

  enum Direction: Hashable, Sendable {
    case toServer, toClient
  }

  private struct State {
    var fault: Fault?
    var passed: [Direction: Int] = [:]
    var channels: [any Channel] = []
  }

  private let listener: any Channel
  private let state: Mutex<State>
  private let direction: Direction

  init(to port: Int, _ direction: Direction, _ fault: Fault) async throws {
    let holder = Holder()
    listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .childChannelOption(ChannelOptions.autoRead, value: false)
      .childChannelInitializer { client in
        guard let proxy = holder.proxy.withLock({ $0 }) else { return client.close() }
        return proxy.connect(client, port)
      }
      .bind(host: "127.0.0.1", port: 0).get()
    state = Mutex(State(fault: fault))
    self.direction = direction
    holder.proxy.withLock { $0 = self }
  }

  private final class Holder: Sendable {
    let proxy = Mutex<FaultProxy?>(nil)
  }

  var port: Int { listener.localAddress?.port ?? 0 }

  /// Bytes that went through so far.
  func passed(_ direction: Direction) -> Int { state.withLock { $0.passed[direction] ?? 0 } }

  /// Does no harm any more, once the connections that it harmed are closed.
  func heal() async throws {
    try await eventually("connections are closed") { state.withLock { $0.channels.allSatisfy { !$0.isActive } } }
    state.withLock { $0.fault = nil }
  }

  func close() async throws {
    let channels = state.withLock { $0.channels }
    try await listener.close()
    for channel in channels { channel.close(promise: nil) }
  }

  private func connect(_ client: any Channel, _ port: Int) -> EventLoopFuture<Void> {
    ClientBootstrap(group: client.eventLoop)
      .channelOption(ChannelOptions.autoRead, value: false)
      .connect(host: "127.0.0.1", port: port)
      .flatMap { server in
        self.state.withLock { $0.channels += [client, server] }
        let out = Relay(self, .toServer, to: server)
        let back = Relay(self, .toClient, to: client)
        return client.pipeline.addHandler(out).and(server.pipeline.addHandler(back)).flatMap { _ in
          client.setOption(ChannelOptions.autoRead, value: true)
            .and(server.setOption(ChannelOptions.autoRead, value: true)).map { _ in }
        }
      }
  }

  /// What of `bytes` goes on, from `offset` of its connection.
  fileprivate func pass(
    _ bytes: ByteBuffer, at offset: Int, _ direction: Direction
  ) -> (bytes: ByteBuffer, breaks: Bool) {
    state.withLock { state in
      var bytes = bytes
      var breaks = false
      if direction == self.direction {
        switch state.fault {
        case .flip(let target) where (offset..<offset + bytes.readableBytes).contains(target):
          let index = bytes.readerIndex + target - offset
          if let byte = bytes.getInteger(at: index, as: UInt8.self) { bytes.setInteger(byte ^ 1, at: index) }
        case .cut(let target) where offset + bytes.readableBytes > target:
          bytes = bytes.getSlice(at: bytes.readerIndex, length: max(target - offset, 0)) ?? ByteBuffer()
          breaks = true
          state.fault = nil
        case .stall(let target) where offset + bytes.readableBytes > target:
          bytes = bytes.getSlice(at: bytes.readerIndex, length: max(target - offset, 0)) ?? ByteBuffer()
        default: break
        }
      }
      state.passed[direction, default: 0] += bytes.readableBytes
      return (bytes, breaks)
    }
  }
}

private final class Relay: ChannelInboundHandler, @unchecked Sendable {
  typealias InboundIn = ByteBuffer

  private let proxy: FaultProxy
  private let direction: FaultProxy.Direction
  private let other: any Channel
  private var offset = 0

  init(_ proxy: FaultProxy, _ direction: FaultProxy.Direction, to other: any Channel) {
    self.proxy = proxy
    self.direction = direction
    self.other = other
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    let bytes = unwrapInboundIn(data)
    let (passed, breaks) = proxy.pass(bytes, at: offset, direction)
    offset += bytes.readableBytes
    let written = other.eventLoop.makePromise(of: Void.self)
    other.writeAndFlush(passed, promise: written)
    if breaks {
      context.close(promise: nil)
      written.futureResult.whenComplete { _ in self.other.close(promise: nil) }
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
