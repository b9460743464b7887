internal import CairnModel
package import NIOCore

extension ObjectService {
  /// Bytes of a document that need no leave from the memory for uploads.
  private static let freeDocumentBytes = 64 << 10

  /// Reads a body that is a document, all of it, and lets somebody make something of it.
  ///
  /// - Parameters:
  ///   - limit: bytes of the body.
  ///   - read: makes something of the bytes. Until it returns they count as memory for uploads.
  /// - Throws: ``ObjectError/tooLarge(limit:)``, and when what came is not what its sender says.
  package func withDocument<Value: Sendable>(
    _ body: BodySource, limit: Int, _ read: (ByteBuffer) async -> Value
  ) async throws(ObjectError) -> Value {
    let length = body.length.map { Int(clamping: $0) } ?? limit
    guard length <= limit else { throw .tooLarge(limit: UInt64(limit)) }
    let count = length > Self.freeDocumentBytes ? length : 0
    let client = count > 0 ? body.client() : .server
    guard await budget.take(count, for: client) else { throw .overloaded }
    defer { budget.giveBack(count, for: client) }
    return await read(try await body.collected(limit: limit, on: threads))
  }
}
