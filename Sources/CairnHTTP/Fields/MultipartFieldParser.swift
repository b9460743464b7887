package import NIOCore

/// The fields of a multipart/form-data body.
package struct MultipartFieldParser: FieldParser {
  private var parser: MultipartParser

  /// - Parameter contentType: the request's header, with the boundary.
  package init(contentType: String?) throws(MultipartError) {
    parser = try MultipartParser(contentType: contentType)
  }

  package mutating func feed(_ bytes: ByteBuffer) { parser.feed(bytes) }

  package mutating func next() throws -> FieldEvent? {
    switch try parser.next() {
    case .partBegan(let headers)?:
      guard let header = headers["content-disposition"],
        let name = try ContentDisposition(formData: header.readableBytesView).name
      else { throw FieldError.noName }
      return .began(name: name, .text)
    case .partBytes(let bytes)?: return .bytes(bytes)
    case .partEnded?: return .ended
    case .finished?, nil: return nil
    }
  }

  package mutating func finish() throws { try parser.finish() }
}
