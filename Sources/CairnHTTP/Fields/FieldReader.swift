package import NIOCore

/// Pulls named values, and the bytes of each, out of a request's body. Used by one task.
package final class FieldReader: @unchecked Sendable {
  private let body: HTTPRequestBody
  private var parser: any FieldParser
  private let bytesMax: UInt64
  private var bytesRead: UInt64 = 0
  private var fieldCount = 0
  private var inField = false
  private var isFinished = false

  /// - Parameter bytesMax: of the body as it is sent.
  package init(_ body: HTTPRequestBody, _ parser: any FieldParser, bytesMax: UInt64) {
    self.body = body
    self.parser = parser
    self.bytesMax = bytesMax
  }

  /// The next field; what is left of the current one is skipped. nil when the body has ended as it should.
  ///
  /// - Throws: ``FieldError``, ``MultipartError``, ``ContentDisposition/Failure`` or ``HTTPBodyError``.
  package func nextField() async throws -> (name: String, kind: FieldKind)? {
    while try await nextBytes() != nil {}
    while let event = try await nextEvent() {
      if case .began(let name, let kind) = event {
        fieldCount += 1
        guard fieldCount <= FieldError.countMax else { throw FieldError.tooMany }
        inField = true
        return (name, kind)
      }
    }
    return nil
  }

  /// The next bytes of the current field, decoded; nil at its end.
  ///
  /// - Throws: as ``nextField()``.
  package func nextBytes() async throws -> ByteBuffer? {
    guard inField else { return nil }
    if case .bytes(let bytes) = try await nextEvent() { return bytes }
    inField = false
    return nil
  }

  private func nextEvent() async throws -> FieldEvent? {
    while true {
      if let event = try parser.next() { return event }
      guard !isFinished else { return nil }
      if let bytes = try await body.next() {
        bytesRead += UInt64(bytes.readableBytes)
        guard bytesRead <= bytesMax else { throw FieldError.tooLong(limit: bytesMax) }
        parser.feed(bytes)
      } else {
        isFinished = true
        try parser.finish()
      }
    }
  }
}
