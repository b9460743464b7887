package import NIOCore

/// What kind of value a field has. Forms know only text.
package enum FieldKind: Hashable, Sendable {
  case text
  /// JSON's `null`.
  case null
  /// A number, a truth value, an array or an object in JSON; its content is checked and passed over.
  case other
}

package enum FieldEvent: Hashable, Sendable {
  case began(name: String, FieldKind)
  /// Bytes of a text, decoded.
  case bytes(ByteBuffer)
  case ended
}

/// Takes a body of named values apart as it arrives, however it is split.
///
/// Feed it, then take events until there is none. After ``finish()`` there may be some more.
package protocol FieldParser {
  mutating func feed(_ bytes: ByteBuffer)

  /// The next event, nil when more bytes are needed.
  mutating func next() throws -> FieldEvent?

  /// The body has come to its end: throws when it must not end here.
  mutating func finish() throws
}

/// What is wrong with a body of named values.
package enum FieldError: Error, Hashable, CustomStringConvertible {
  /// What is wrong with the JSON text, and after how many bytes.
  case json(String, at: UInt64)
  case percentCoding
  case nameTooLong
  case nameEncoding
  case noName
  case tooMany
  case tooLong(limit: UInt64)

  package var description: String {
    switch self {
    case .json(let reason, let offset): "the body is not the JSON that is wanted: \(reason), at byte \(offset)"
    case .percentCoding: "the form has a '%' that is not followed by two hexadecimal digits"
    case .nameTooLong: "a field's name has more than \(Self.nameBytesMax) bytes"
    case .nameEncoding: "a field's name is not valid UTF-8"
    case .noName: "a part of the form has no name"
    case .tooMany: "the body has more than \(Self.countMax) fields"
    case .tooLong(let limit): "the body has more than \(limit) bytes, the most allowed"
    }
  }

  /// Fields of a body, wanted or not: no client sends more than a few.
  package static let countMax = 1000
  /// Bytes of a field's name: far more than any name that means something.
  package static let nameBytesMax = 1024
}
