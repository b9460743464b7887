package import NIOCore
package import NIOHTTP1
package import NIOPosix
internal import Synchronization

/// An HTTP/1.1 client that keeps connections open, apart for each event loop: a request is sent, and its answer
/// read, on the event loop of the caller.
package final class HTTPClient: Sendable {
  package struct Timeouts: Sendable {
    package var connect: TimeAmount
    /// While no byte of the request leaves, and none of an answer comes.
    package var idle: TimeAmount

    package init(connect: TimeAmount, idle: TimeAmount) {
      self.connect = connect
      self.idle = idle
    }
  }

  private let group: MultiThreadedEventLoopGroup
  private let timeouts: Timeouts
  private let pools: [ObjectIdentifier: ConnectionPool]
  private let executors: EventLoopExecutors

  /// Connections that wait for a request on the caller's event loop.
  var idleConnectionCount: Int {
    MultiThreadedEventLoopGroup.currentEventLoop.flatMap { pools[ObjectIdentifier($0)] }?.count ?? 0
  }

  package init(group: MultiThreadedEventLoopGroup, timeouts: Timeouts) {
    self.group = group
    self.timeouts = timeouts
    let loops = Array(group.makeIterator())
    pools = Dictionary(uniqueKeysWithValues: loops.map { (ObjectIdentifier($0), ConnectionPool(eventLoop: $0)) })
    executors = EventLoopExecutors(group)
  }

  /// Sends a request on the event loop of the caller, and returns when the head of the answer is here.
  ///
  /// A connection that its server closed while it waited is not an error: the request goes out once more on a new
  /// one. So send only what may be done twice. A request with a stream can't be repeated: it fails.
  ///
  /// - Precondition: the caller runs on an event loop of the client's group, as responders do.
  package func send(
    _ request: HTTPClientRequest, to address: ListenAddress
  ) async throws(HTTPClientError) -> HTTPClientResponse {
    guard let loop = MultiThreadedEventLoopGroup.currentEventLoop, let pool = pools[ObjectIdentifier(loop)] else {
      preconditionFailure("HTTPClient.send called outside of the event loops of its group")
    }
    while let connection = pool.take(address) {
      do throws(HTTPClientError) {
        return try await send(request, on: connection, pool: pool)
      } catch .closed where request.stream == nil {
        continue
      }
    }
    let connection = try await connect(to: address, on: loop, outlivingCancellation: request.outlivesCancellation)
    return try await send(request, on: connection, pool: pool)
  }

  /// Sends a request from anywhere and reads the whole answer.
  ///
  /// - Parameter limit: bytes of the answer's body.
  package func fetch(
    _ request: HTTPClientRequest, from address: ListenAddress, limit: Int
  ) async throws(HTTPClientError) -> (status: HTTPResponseStatus, headers: HTTPHeaders, body: ByteBuffer) {
    let result: Result<(HTTPResponseStatus, HTTPHeaders, ByteBuffer), HTTPClientError> = await onEventLoop {
      do throws(HTTPClientError) {
        let response = try await self.send(request, to: address)
        return .success((response.status, response.headers, try await response.body.collect(limit: limit)))
      } catch {
        return .failure(error)
      }
    }
    return try result.get()
  }

  /// Runs `body` on one of the client's event loops: the current one where the task belongs to one.
  package func onEventLoop<Value: Sendable>(_ body: @escaping @Sendable () async -> Value) async -> Value {
    if isOnEventLoop { return await body() }
    return await withTaskExecutorPreference(executors[group.next()]) {
      await Self.onPreferredExecutor(body)
    }
  }

  private var isOnEventLoop: Bool {
    guard let loop = MultiThreadedEventLoopGroup.currentEventLoop, executors[loop] != nil else {
      return false
    }
    // A task of the thread pool can be there by chance, having left an actor whose thread that was. It would go on in
    // the pool after its next wait.
    return withUnsafeCurrentTask { $0?.unownedTaskExecutor != nil }
  }

  /// `@concurrent`, so that it changes to the executor that its task prefers.
  @concurrent private static func onPreferredExecutor<Value: Sendable>(
    _ body: @escaping @Sendable () async -> Value
  ) async -> Value {
    // Not only a check: Swift 6.3 leaves out the change of executor where nothing but a call follows it.
    precondition(MultiThreadedEventLoopGroup.currentEventLoop != nil, "the task did not change to its event loop")
    return await body()
  }

  private func send(
    _ request: HTTPClientRequest, on connection: HTTPClientConnection,
    pool: ConnectionPool
  ) async throws(HTTPClientError) -> HTTPClientResponse {
    try await connection.send(request) { pool.put(connection) }
  }

  private func connect(
    to address: ListenAddress, on loop: any EventLoop, outlivingCancellation: Bool
  ) async throws(HTTPClientError) -> HTTPClientConnection {
    let idle = timeouts.idle
    let bootstrap = ClientBootstrap(group: loop)
      .connectTimeout(timeouts.connect)
      .channelOption(ChannelOptions.tcpOption(.tcp_nodelay), value: 1)
      .channelOption(ChannelOptions.autoRead, value: false)
      .channelOption(ChannelOptions.writeBufferWaterMark, value: .init(low: 256 << 10, high: 1 << 20))
      .channelOption(
        ChannelOptions.recvAllocator,
        value: AdaptiveRecvByteBufferAllocator(minimum: 2048, initial: 16 << 10, maximum: 512 << 10)
      )
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          let feed = DecoderFeed()
          try channel.pipeline.syncOperations.addHandler(feed)
          try channel.pipeline.syncOperations.addHTTPClientHandlers()
          try channel.pipeline.syncOperations.addHandler(
            HTTPClientConnection(address: address, channel: channel, feed: feed, idleTimeout: idle))
        }
      }
    do {
      let connecting = bootstrap.connect(host: address.host, port: address.port)
      let channel = try await outlivingCancellation ? connecting.get() : Abandonable(connecting).value()
      return try channel.pipeline.syncOperations.handler(type: HTTPClientConnection.self)
    } catch is CancellationError {
      throw .cancelled(address)
    } catch let error as ChannelError {
      if case .connectTimeout = error { throw .timedOut(address, "no connection") }
      throw .cannotConnect(address, "\(error)")
    } catch let error as NIOConnectionError {
      throw .cannotConnect(address, error.reason)
    } catch {
      throw .cannotConnect(address, "\(error)")
    }
  }
}

/// A connection attempt that its caller can abandon. The attempt itself can't be stopped, and where nobody answers it lasts
/// until its time-out. Confined to its event loop.
private final class Abandonable: @unchecked Sendable {
  private let promise: EventLoopPromise<any Channel>
  private var isOver = false

  init(_ connecting: EventLoopFuture<any Channel>) {
    promise = connecting.eventLoop.makePromise()
    connecting.whenComplete { self.end($0) }
  }

  /// - Throws: `CancellationError` as soon as its task is cancelled.
  func value() async throws -> any Channel {
    try await withTaskCancellationHandler {
      try await promise.futureResult.get()
    } onCancel: {
      promise.futureResult.eventLoop.execute { self.end(.failure(CancellationError())) }
    }
  }

  private func end(_ result: Result<any Channel, any Error>) {
    guard !isOver else {
      if case .success(let channel) = result { channel.close(promise: nil) }
      return
    }
    isOver = true
    promise.completeWith(result)
  }
}

/// The connections of one event loop that wait for a request. Confined to that loop.
private final class ConnectionPool: @unchecked Sendable {
  /// To one address.
  private static let idleConnectionsMax = 128

  private let eventLoop: any EventLoop
  private var idle: [ListenAddress: [HTTPClientConnection]] = [:]

  init(eventLoop: any EventLoop) {
    self.eventLoop = eventLoop
  }

  var count: Int {
    eventLoop.assertInEventLoop()
    return idle.values.reduce(0) { $0 + $1.count }
  }

  /// The connection that was used last, and so is the least likely to have been closed.
  func take(_ address: ListenAddress) -> HTTPClientConnection? {
    eventLoop.assertInEventLoop()
    while let connection = idle[address]?.popLast() {
      if connection.isUsable { return connection }
    }
    return nil
  }

  func put(_ connection: HTTPClientConnection) {
    eventLoop.assertInEventLoop()
    guard idle[connection.address, default: []].count < Self.idleConnectionsMax else { return connection.close() }
    idle[connection.address, default: []].append(connection)
    connection.onLoss = { [weak self] in self?.forget($0) }
  }

  /// One that its server closed would keep its buffers, up to a megabyte, until somebody came upon it.
  private func forget(_ connection: HTTPClientConnection) {
    eventLoop.assertInEventLoop()
    idle[connection.address]?.removeAll { $0 === connection }
    if idle[connection.address]?.isEmpty == true { idle[connection.address] = nil }
  }
}
