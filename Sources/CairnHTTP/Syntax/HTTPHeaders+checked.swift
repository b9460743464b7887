package import NIOHTTP1

/// A name or value that no header field can have.
package enum InvalidField: Error, Hashable, CustomStringConvertible {
  case name(String)
  case value(name: String)

  package var description: String {
    switch self {
    case .name(let name):
      "'\(name)' can't be the name of a header field: it must have letters, digits or any of !#$%&'*+-.^_`|~ only"
    case .value(let name): "the value of the header field '\(name)' has a control character"
    }
  }
}

/// The only way into `HTTPHeaders` for names that are not written in the source code, and for values that a client, a disk
/// or another server made up. SwiftNIO stops the whole process for a name that is not ASCII and looks at nothing else.
/// `make lint` refuses the other ways.
extension HTTPHeaders {
  /// Adds a field as `add(name:value:)` does.
  ///
  /// - Throws: ``InvalidField`` where RFC 9110 allows no such name or value (sections 5.1 and 5.5); nothing is added.
  package mutating func add(checking name: String, _ value: String) throws(InvalidField) {
    try Self.check(name, value)
    add(name: name, value: value)
  }

  /// Sets a field as `replaceOrAdd(name:value:)` does.
  ///
  /// - Throws: ``InvalidField`` where RFC 9110 allows no such name or value (sections 5.1 and 5.5); nothing is changed.
  package mutating func replace(checking name: String, _ value: String) throws(InvalidField) {
    try Self.check(name, value)
    replaceOrAdd(name: name, value: value)
  }

  /// - Throws: ``InvalidField`` where a name or a value can't be sent.
  package static func check(_ name: String, _ value: String) throws(InvalidField) {
    guard !name.isEmpty, name.utf8.allSatisfy(isTokenByte) else { throw .name(name) }
    guard value.utf8.allSatisfy(isValueByte) else { throw .value(name: name) }
  }

  /// `tchar`.
  private static func isTokenByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"):
      true
    case UInt8(ascii: "!"), UInt8(ascii: "#")...UInt8(ascii: "'"), UInt8(ascii: "*"), UInt8(ascii: "+"),
      UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "^")...UInt8(ascii: "`"), UInt8(ascii: "|"),
      UInt8(ascii: "~"):
      true
    default: false
    }
  }

  private static func isValueByte(_ byte: UInt8) -> Bool {
    byte >= 0x20 && byte != 0x7F || byte == UInt8(ascii: "\t")
  }
}
