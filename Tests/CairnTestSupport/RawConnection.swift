package import NIOCore
internal import NIOPosix

/// A TCP connection on which tests say exactly what they mean, malformed or not.
package final class RawConnection: Sendable {
  package struct Closed: Error {}
  package struct TimedOut: Error {}

  private let channel: any Channel
  private let received: AsyncThrowingStream<ByteBuffer, any Error>
  private let buffer = ReceivedBytes()

  private init(channel: any Channel, received: AsyncThrowingStream<ByteBuffer, any Error>) {
    self.channel = channel
    self.received = received
  }

  /// - Parameters:
  ///   - text: is sent as soon as the connection stands, however busy the machine is.
  ///   - isReading: false to leave everything that comes in the socket.
  package static func connect(
    port: Int, sending text: String = "", isReading: Bool = true
  ) async throws -> RawConnection {
    let (stream, continuation) = AsyncThrowingStream<ByteBuffer, any Error>.makeStream()
    let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .channelOption(ChannelOptions.allowRemoteHalfClosure, value: true)
      .channelOption(ChannelOptions.autoRead, value: isReading)
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(Receiver(continuation, first: text))
        }
      }
      .connect(host: "127.0.0.1", port: port).get()
    return RawConnection(channel: channel, received: stream)
  }

  package func send(_ text: String) async throws {
    try await channel.writeAndFlush(ByteBuffer(string: text))
  }

  package func send(_ bytes: ByteBuffer) async throws {
    try await channel.writeAndFlush(bytes)
  }

  /// Sends the end of the stream, and goes on reading.
  package func closeOutput() async throws {
    try await channel.close(mode: .output)
  }

  package func close() async throws {
    try? await channel.close()
  }

  /// Reads until the text that came contains `end`; returns it with everything before, and keeps the rest.
  package func read(until end: String, within limit: Duration = .seconds(60)) async throws -> String {
    try await bounded(limit) { [self] in
      while true {
        if let text = buffer.take(until: end) { return text }
        guard let bytes = try await next() else { throw Closed() }
        buffer.append(bytes)
      }
    }
  }

  /// Reads to the end of the stream.
  package func readToEnd(within limit: Duration = .seconds(60)) async throws -> String {
    try await bounded(limit) { [self] in
      while let bytes = try await next() { buffer.append(bytes) }
      return buffer.takeAll()
    }
  }

  /// Reads one answer: its head, and as much body as `Content-Length` says.
  package func readAnswer(within limit: Duration = .seconds(60)) async throws -> (head: String, body: String) {
    let head = try await read(until: "\r\n\r\n", within: limit)
    let length = head.split(separator: "\r\n").first { $0.lowercased().hasPrefix("content-length:") }
      .flatMap { Int($0.drop { $0 != ":" }.dropFirst().drop { $0 == " " }) }
    let body = try await bounded(limit) { [self] in
      while true {
        if let text = buffer.take(count: length ?? 0) { return text }
        guard let bytes = try await next() else { throw Closed() }
        buffer.append(bytes)
      }
    }
    return (head, body)
  }

  private func next() async throws -> ByteBuffer? {
    var iterator = received.makeAsyncIterator()
    return try await iterator.next()
  }

  private func bounded(
    _ limit: Duration, _ body: @escaping @Sendable () async throws -> String
  ) async throws -> String {
    try await withThrowingTaskGroup(of: String.self) { group in
      group.addTask { try await body() }
      group.addTask {
        try await Task.sleep(for: limit)
        throw TimedOut()
      }
      defer { group.cancelAll() }
      guard let text = try await group.next() else { throw TimedOut() }
      return text
    }
  }
}

/// What came and was not looked at yet. Used by one reader at a time.
private final class ReceivedBytes: @unchecked Sendable {
  private var bytes: [UInt8] = []

  func append(_ buffer: ByteBuffer) {
    bytes += buffer.readableBytesView
  }

  func take(until end: String) -> String? {
    let pattern = Array(end.utf8)
    guard bytes.count >= pattern.count,
      let start = (0...bytes.count - pattern.count).first(where: {
        bytes[$0..<$0 + pattern.count].elementsEqual(pattern)
      })
    else { return nil }
    return take(count: start + pattern.count)
  }

  func take(count: Int) -> String? {
    guard bytes.count >= count else { return nil }
    defer { bytes.removeFirst(count) }
    return String(decoding: bytes[..<count], as: UTF8.self)
  }

  func takeAll() -> String {
    defer { bytes = [] }
    return String(decoding: bytes, as: UTF8.self)
  }
}

private final class Receiver: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer

  private let continuation: AsyncThrowingStream<ByteBuffer, any Error>.Continuation
  private let first: String

  init(_ continuation: AsyncThrowingStream<ByteBuffer, any Error>.Continuation, first: String) {
    self.continuation = continuation
    self.first = first
  }

  func channelActive(context: ChannelHandlerContext) {
    guard !first.isEmpty else { return }
    context.writeAndFlush(NIOAny(ByteBuffer(string: first)), promise: nil)
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    continuation.yield(unwrapInboundIn(data))
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if case .inputClosed? = event as? ChannelEvent { continuation.finish() }
  }

  func channelInactive(context: ChannelHandlerContext) {
    continuation.finish()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    // A reset is an end, too: what came before it is what tests look at.
    continuation.finish()
  }
}
