#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// Text that is compared, ordered, hashed and split by its UTF-8 bytes, as names of objects and files are.
///
/// `String` compares by canonical equivalence and sees grapheme clusters: to it `é` composed and decomposed are equal,
/// and a slash followed by a combining mark is no slash. The file system and the wire know only bytes.
package struct ByteText: Sendable {
  package static let slash = UInt8(ascii: "/")

  package let string: String

  package init(_ string: String) {
    self.string = string
  }

  /// nil for bytes that are not UTF-8.
  package init?(utf8 bytes: some Collection<UInt8>) {
    guard let string = String(validating: bytes, as: UTF8.self) else { return nil }
    self.string = string
  }

  /// A part of a text that begins and ends between two scalars.
  private init(_ part: Substring.UTF8View) {
    string = String(Substring(part))
  }

  /// Bytes.
  package var count: Int { string.utf8.count }
  package var isEmpty: Bool { string.isEmpty }

  package func contains(_ byte: UInt8) -> Bool { string.utf8.contains(byte) }

  package func starts(with prefix: ByteText) -> Bool { string.utf8.starts(with: prefix.string.utf8) }

  package func ends(with suffix: ByteText) -> Bool {
    count >= suffix.count && string.utf8.suffix(suffix.count).elementsEqual(suffix.string.utf8)
  }

  package var endsWithSlash: Bool { string.utf8.last == Self.slash }

  /// What follows `prefix`; nil where the text doesn't start with it.
  package func dropping(_ prefix: ByteText) -> ByteText? {
    starts(with: prefix) ? ByteText(string.utf8.dropFirst(prefix.count)) : nil
  }

  /// What stands before `suffix`; nil where the text doesn't end with it.
  package func dropping(suffix: ByteText) -> ByteText? {
    ends(with: suffix) ? ByteText(string.utf8.dropLast(suffix.count)) : nil
  }

  /// What stands between slashes; empty where two slashes meet, or one is at an end.
  package var components: [ByteText] {
    string.utf8.split(separator: Self.slash, omittingEmptySubsequences: false).map { ByteText($0) }
  }

  /// What stands after the last slash: all of it where there is none.
  package var lastComponent: ByteText {
    guard let slash = string.utf8.lastIndex(of: Self.slash) else { return self }
    return ByteText(string.utf8[slash...].dropFirst())
  }

  package static func + (left: ByteText, right: ByteText) -> ByteText { ByteText(left.string + right.string) }
}

extension ByteText: Comparable, Hashable {
  package static func < (left: ByteText, right: ByteText) -> Bool { left.string.precedesInBytes(right.string) }

  package static func == (left: ByteText, right: ByteText) -> Bool { left.string.hasSameBytes(as: right.string) }

  package func hash(into hasher: inout Hasher) { string.hashBytes(into: &hasher) }
}

extension ByteText: ExpressibleByStringInterpolation, CustomStringConvertible {
  package init(stringLiteral text: String) { self.init(text) }

  package var description: String { string }
}

extension ByteText: Codable {
  package init(from decoder: any Decoder) throws {
    self.init(try decoder.singleValueContainer().decode(String.self))
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(string)
  }
}

extension String {
  /// Two texts are the same name only when their bytes are: `==` takes canonically equivalent ones for equal.
  package func hasSameBytes(as other: String) -> Bool {
    var (left, right) = (self, other)
    return left.withUTF8 { left in
      right.withUTF8 { right in
        guard left.count == right.count else { return false }
        guard let leftBase = left.baseAddress, let rightBase = right.baseAddress else { return true }
        return memcmp(leftBase, rightBase, left.count) == 0
      }
    }
  }

  /// Bytewise order.
  package func precedesInBytes(_ other: String) -> Bool { utf8.lexicographicallyPrecedes(other.utf8) }

  func hashBytes(into hasher: inout Hasher) {
    var text = self
    text.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
  }
}
