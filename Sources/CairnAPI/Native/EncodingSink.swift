internal import CairnHTTP
internal import CairnNodeClient
internal import NIOCore

/// Sends bytes on, each piece encoded. Used by one writer at a time.
final class EncodingSink: ByteSink, @unchecked Sendable {
  private let writer: HTTPResponseWriter
  private let encode: (ByteBuffer) -> ByteBuffer

  init(_ writer: HTTPResponseWriter, encode: @escaping (ByteBuffer) -> ByteBuffer) {
    self.writer = writer
    self.encode = encode
  }

  func write(_ bytes: ByteBuffer) async throws {
    try await writer.write(encode(bytes))
  }
}
