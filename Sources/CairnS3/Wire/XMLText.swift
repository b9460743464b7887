package import NIOCore

/// Writes an XML document, every text escaped.
package struct XMLText {
  package static let mediaType = "application/xml"
  /// The name space of S3's documents.
  static let namespace = "http://s3.amazonaws.com/doc/2006-03-01/"

  private var bytes: [UInt8] = []

  package init(capacity: Int = 768) {
    bytes.reserveCapacity(capacity)
    bytes.append(contentsOf: #"<?xml version="1.0" encoding="UTF-8"?>"#.utf8)
    bytes.append(UInt8(ascii: "\n"))
  }

  /// What was written.
  package var buffer: ByteBuffer { ByteBuffer(bytes: bytes) }

  /// An element that contains others.
  ///
  /// - Parameters:
  ///   - name: fit to be one: it is not escaped.
  ///   - attributes: names and values.
  package mutating func element(
    _ name: String, _ attributes: KeyValuePairs<String, String> = [:], _ body: (inout XMLText) -> Void
  ) {
    open(name, attributes)
    body(&self)
    close(name)
  }

  /// The document's element, in the name space of S3.
  package mutating func document(_ name: String, _ body: (inout XMLText) -> Void) {
    element(name, ["xmlns": Self.namespace], body)
  }

  /// A document that is only a text.
  package mutating func document(_ name: String, _ text: String) {
    element(name, ["xmlns": Self.namespace]) { $0.append(escaping: text) }
  }

  /// An element with a text.
  package mutating func element(_ name: String, _ text: String) {
    open(name, [:])
    append(escaping: text)
    close(name)
  }

  package mutating func element(_ name: String, _ number: some BinaryInteger) {
    element(name, String(number))
  }

  package mutating func element(_ name: String, _ flag: Bool) {
    element(name, flag ? "true" : "false")
  }

  /// An element where there is a text for it.
  package mutating func element(_ name: String, ifPresent text: String?) {
    if let text { element(name, text) }
  }

  private mutating func open(_ name: String, _ attributes: KeyValuePairs<String, String>) {
    bytes.append(UInt8(ascii: "<"))
    bytes.append(contentsOf: name.utf8)
    for (name, value) in attributes {
      bytes.append(UInt8(ascii: " "))
      bytes.append(contentsOf: name.utf8)
      bytes.append(contentsOf: "=\"".utf8)
      append(escaping: value)
      bytes.append(UInt8(ascii: "\""))
    }
    bytes.append(UInt8(ascii: ">"))
  }

  private mutating func close(_ name: String) {
    bytes.append(contentsOf: "</".utf8)
    bytes.append(contentsOf: name.utf8)
    bytes.append(UInt8(ascii: ">"))
  }

  private mutating func append(escaping text: String) {
    var text = text
    text.withUTF8 { utf8 in
      for byte in utf8 {
        switch byte {
        case UInt8(ascii: "&"): bytes.append(contentsOf: "&amp;".utf8)
        case UInt8(ascii: "<"): bytes.append(contentsOf: "&lt;".utf8)
        case UInt8(ascii: ">"): bytes.append(contentsOf: "&gt;".utf8)
        case UInt8(ascii: "\""): bytes.append(contentsOf: "&quot;".utf8)
        // XML 1.0 has no place for the other control characters; S3 writes all of them so.
        case 0..<0x20, 0x7F: bytes.append(contentsOf: "&#x\(String(byte, radix: 16));".utf8)
        default: bytes.append(byte)
        }
      }
    }
  }
}
