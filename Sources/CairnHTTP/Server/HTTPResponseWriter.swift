internal import Logging
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
  /// - Parameters:
  ///   - descriptor: stays open, and is not closed, until the bytes were handed to the kernel.
  ///   - owner: kept alive as long.
  ///   - offset: bytes from the start of the file.
  ///   - length: bytes.
  package func write(
    file descriptor: CInt, owner: some AnyObject & Sendable, offset: UInt64, length: Int
  ) async throws {
    guard length > 0 else { return }
    written += UInt64(length)
    let handle = NIOFileHandle(descriptor: descriptor)
    let region = FileRegion(fileHandle: handle, readerIndex: Int(offset), endIndex: Int(offset) + length)
    if chunked { try connection.write(chunkHead(length)) }
    let sent = connection.eventLoop.makePromise(of: Void.self)
    sent.futureResult.assumeIsolatedUnsafelyOnLoop {
      _ = try? handle.takeDescriptorOwnership()
      withExtendedLifetime(owner) {}
    }
    do { try connection.write(.fileRegion(region), promise: sent) } catch {
      sent.fail(error)
      throw error
    }
    if chunked { try connection.write(.byteBuffer(Self.lineEnd)) }
    try await connection.waitUntilWritable()
  }

  private static let lineEnd = ByteBuffer(string: "\r\n")

  private func chunkHead(_ length: Int) -> IOData {
    .byteBuffer(ByteBuffer(string: String(length, radix: 16) + "\r\n"))
  }
}

extension EventLoopFuture {
  /// Runs `body` when the future completes, on its event loop, where the caller is now too.
  fileprivate func assumeIsolatedUnsafelyOnLoop(_ body: @escaping () -> Void) {
    let bound = NIOLoopBound(body, eventLoop: eventLoop)
    whenComplete { _ in bound.value() }
  }
}
