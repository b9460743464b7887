package import NIOCore

/// Writes the body of an answer, no faster than the client reads.
///
/// Confined to the event loop of its connection.
package final class HTTPResponseWriter: @unchecked Sendable {
  private let connection: HTTPServerHandler
  private let chunked: Bool
  private(set) var written: UInt64 = 0

  init(connection: HTTPServerHandler, chunked: Bool) {
    self.connection = connection
    self.chunked = chunked
  }

  /// Returns when the connection has room for more.
  ///
  /// - Throws: `ChannelError` when the client went away or stopped reading.
  package func write(_ bytes: ByteBuffer) async throws {
    guard bytes.readableBytes > 0 else { return }
    written += UInt64(bytes.readableBytes)
    if chunked { try connection.write(chunkHead(bytes.readableBytes)) }
    try connection.write(.byteBuffer(bytes))
    if chunked { try connection.write(.byteBuffer(Self.lineEnd)) }
    try await connection.waitUntilWritable()
  }

  /// Sends a range of a file with `sendfile`.
  ///
  /// - Parameter owner: keeps the region's descriptor open; it is kept alive until the kernel has the bytes.
  package func write(_ region: FileRegion, keeping owner: some Sendable) async throws {
    guard region.readableBytes > 0 else { return }
    written += UInt64(region.readableBytes)
    if chunked { try connection.write(chunkHead(region.readableBytes)) }
    let sent = connection.eventLoop.makePromise(of: Void.self)
    sent.futureResult.whenComplete { _ in withExtendedLifetime(owner) {} }
    do { try connection.write(.fileRegion(region), promise: sent) } catch {
      sent.fail(error)
      throw error
    }
    if chunked { try connection.write(.byteBuffer(Self.lineEnd)) }
    try await connection.waitUntilWritable()
  }

  /// Sends what was written: for who pauses before the next bytes. Otherwise it waits until there is enough to send.
  package func flush() {
    connection.flush()
  }

  private static let lineEnd = ByteBuffer(string: "\r\n")

  private func chunkHead(_ length: Int) -> IOData {
    .byteBuffer(ByteBuffer(string: String(length, radix: 16) + "\r\n"))
  }
}
