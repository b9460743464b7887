package import Logging
package import NIOCore
package import NIOHTTP1
internal import NIOPosix
internal import Synchronization

/// Where a server listens.
package struct ListenAddress: Hashable, Sendable, CustomStringConvertible {
  /// Host name or IP address; `0.0.0.0` or `::` for all.
  package var host: String
  /// 0 for any free one.
  package var port: Int

  package init(host: String, port: Int) {
    self.host = host
    self.port = port
  }

  package var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}

/// Why a server can't start.
package enum HTTPServerError: Error, CustomStringConvertible {
  case cannotListen(ListenAddress, any Error)

  package var description: String {
    switch self {
    case .cannotListen(let address, let error): "cannot listen on \(address): \(error)"
    }
  }
}

/// An HTTP/1.1 server.
package final class HTTPServer: Sendable {
  private let listener: any Channel
  private let connections: ConnectionSet
  private let logger: Logger

  private init(listener: any Channel, connections: ConnectionSet, logger: Logger) {
    self.listener = listener
    self.connections = connections
    self.logger = logger
  }

  /// The port it listens on.
  package var port: Int { listener.localAddress?.port ?? 0 }

  /// Starts to accept connections.
  ///
  /// - Parameters:
  ///   - group: connections are spread over its event loops, and responders run on them.
  ///   - connections: shared with other listeners; nil for a limit of its own.
  ///   - refusal: renders an error that is found before a responder sees the request.
  /// - Throws: ``HTTPServerError``.
  package static func start(
    on address: ListenAddress, group: any EventLoopGroup, limits: HTTPServerLimits = HTTPServerLimits(),
    connections limit: ConnectionLimit? = nil, responder: some HTTPResponder,
    refusal: @escaping @Sendable (HTTPResponseStatus, String) -> HTTPResponse,
    logger: Logger
  ) async throws(HTTPServerError) -> HTTPServer {
    let limit = limit ?? ConnectionLimit(max: limits.connectionsMax)
    let connections = ConnectionSet(limit)
    let context = HTTPServerContext(
      responder: responder, limits: limits, refusal: refusal, executors: EventLoopExecutors(group), logger: logger)
    let bootstrap = ServerBootstrap(group: group)
      .serverChannelOption(ChannelOptions.backlog, value: 4096)
      .serverChannelOption(ChannelOptions.socketOption(.so_reuseaddr), value: 1)
      .serverChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(AcceptPause(logger: logger))
        }
      }
      .childChannelOption(ChannelOptions.tcpOption(.tcp_nodelay), value: 1)
      .childChannelOption(ChannelOptions.autoRead, value: false)
      .childChannelOption(ChannelOptions.allowRemoteHalfClosure, value: true)
      .childChannelOption(ChannelOptions.writeBufferWaterMark, value: .init(low: 256 << 10, high: 1 << 20))
      .childChannelOption(
        ChannelOptions.recvAllocator,
        value: AdaptiveRecvByteBufferAllocator(minimum: 2048, initial: 16 << 10, maximum: 512 << 10)
      )
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          guard connections.insert(channel) else {
            return try channel.pipeline.syncOperations.addHandler(
              BusyHandler(context.refusal(.serviceUnavailable, "Too many connections, try again later"), limit))
          }
          try channel.pipeline.syncOperations.addHandlers(context.handlers(on: channel.eventLoop))
        }
      }
    do {
      let listener = try await bootstrap.bind(host: address.host, port: address.port).get()
      return HTTPServer(listener: listener, connections: connections, logger: logger)
    } catch {
      throw .cannotListen(address, error)
    }
  }

  /// Stops accepting, lets requests under way finish for at most `grace`, then closes what is left.
  package func stop(grace: Duration) async {
    try? await listener.close().get()
    connections.forEach { $0.pipeline.fireUserInboundEventTriggered(HTTPServerStopping()) }
    let clock = ContinuousClock()
    let end = clock.now + grace
    while !connections.isEmpty, clock.now < end {
      try? await clock.sleep(for: .milliseconds(20))
    }
    if !connections.isEmpty {
      logger.warning("closing connections after the grace time", metadata: ["connections": "\(connections.count)"])
    }
    connections.forEach { $0.close(promise: nil) }
  }
}

/// The open connections of a server.
private final class ConnectionSet: Sendable {
  private let channels = Mutex<[ObjectIdentifier: any Channel]>([:])
  private let limit: ConnectionLimit

  init(_ limit: ConnectionLimit) {
    self.limit = limit
  }

  var count: Int { channels.withLock { $0.count } }
  var isEmpty: Bool { count == 0 }

  /// False when there are too many.
  func insert(_ channel: any Channel) -> Bool {
    guard limit.take() else { return false }
    let id = ObjectIdentifier(channel)
    channels.withLock { $0[id] = channel }
    channel.closeFuture.whenComplete { [self] _ in
      _ = channels.withLock { $0.removeValue(forKey: id) }
      limit.giveBack()
    }
    return true
  }

  func forEach(_ body: (any Channel) -> Void) {
    channels.withLock { Array($0.values) }.forEach(body)
  }
}
