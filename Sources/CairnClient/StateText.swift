internal import CairnHTTP
internal import CairnModel
internal import Crypto
package import Foundation
internal import NIOCore

/// Files as the texts of a key–value state: plain where they are text, as a `data:` URL in base64 where not.
package enum StateText {
  private static let marker: ByteText = "data:application/octet-stream;base64,"

  /// The key of a file: so the same path finds it again.
  ///
  /// - Parameter path: absolute.
  package static func key(path: String) -> String {
    hexadecimalString(Array(SHA256.hash(data: Data(path.utf8))))
  }

  /// The text that stands for `bytes`.
  package static func text(_ bytes: Data) -> String {
    // A text that looks like one of ours would be taken for it; one of control characters is longer in JSON than base64.
    if let text = String(validating: bytes, as: UTF8.self), !ByteText(text).starts(with: marker),
      !text.utf8.contains(0),
      JSONText.escapedLength(ByteBuffer(bytes: bytes)) <= Base64Encoder.encodedLength(of: UInt64(bytes.count))
        + UInt64(marker.count)
    {
      return text
    }
    return marker.string + bytes.base64EncodedString()
  }

  /// The bytes that a text stands for.
  ///
  /// - Throws: ``ClientError/mismatch(_:)`` for base64 that is damaged.
  package static func bytes(_ text: String) throws(ClientError) -> Data {
    guard let encoded = ByteText(text).dropping(marker) else { return Data(text.utf8) }
    guard let bytes = Data(base64Encoded: encoded.string) else {
      throw .mismatch("the value of the key")
    }
    return bytes
  }

  /// A file's value with its name, as the server keeps it.
  package static func stored(path: String, _ bytes: Data) -> StoredText {
    let name = ByteText(path).lastComponent.string
    return StoredText(key: key(path: path), value: text(bytes), filename: name, extension: pathExtension(name))
  }

  /// What follows the last dot of a file name, unless the name starts with it.
  private static func pathExtension(_ name: String) -> String {
    guard let dot = name.utf8.lastIndex(of: UInt8(ascii: ".")), dot > name.startIndex else { return "" }
    return String(name[name.utf8.index(after: dot)...])
  }
}
