/// A `Content-Disposition` header: of a form's part (RFC 7578) or of an answer (RFC 6266).
package struct ContentDisposition: Hashable, Sendable {
  package var name: String?
  package var filename: String?

  package enum Failure: Error, Hashable, CustomStringConvertible {
    case notFormData
    case malformed
    case encoding

    package var description: String {
      switch self {
      case .notFormData: "a part's Content-Disposition is not 'form-data'"
      case .malformed: "a part's Content-Disposition is malformed"
      case .encoding: "a name in Content-Disposition is not valid UTF-8"
      }
    }
  }

  /// Reads the header of a form's part. `filename*` wins over `filename`.
  ///
  /// In quoted text only `\"` and `\\` are escapes, as curl writes them: other backslashes stand in file names.
  package init(formData value: some Collection<UInt8>) throws(Failure) {
    var scanner = ParameterScanner(Array(value))
    guard scanner.token().lowercased() == "form-data" else { throw .notFormData }
    var extended: String?
    while let (attribute, bytes) = try scanner.parameter() {
      switch attribute.lowercased() {
      case "name": name = try Self.text(bytes)
      case "filename": filename = try Self.text(bytes)
      case "filename*": extended = try Self.extendedValue(bytes)
      default: continue
      }
    }
    filename = extended ?? filename
  }

  /// `attachment; filename="…"`, with `filename*` where the name needs it.
  package static func attachment(filename: String) -> String {
    // Most names are as plain as can be.
    if filename.utf8.allSatisfy({
      (0x20...0x7E).contains($0) && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\") && $0 != UInt8(ascii: "%")
    }) {
      return "attachment; filename=\"\(filename)\""
    }
    var plain = ""
    var isPlain = true
    for scalar in filename.unicodeScalars {
      switch scalar {
      case "\"", "\\":
        plain += "\\"
        plain.unicodeScalars.append(scalar)
      case " "..."~":
        plain.unicodeScalars.append(scalar)
        // Some clients decode percent signs in the plain form too; the extended form is unambiguous.
        if scalar == "%" { isPlain = false }
      default:
        plain += "_"
        isPlain = false
      }
    }
    let header = "attachment; filename=\"\(plain)\""
    return isPlain ? header : header + "; filename*=UTF-8''" + PercentCoding.encode(filename)
  }

  private static func text(_ bytes: [UInt8]) throws(Failure) -> String {
    guard let text = String(validating: bytes, as: UTF8.self) else { throw .encoding }
    return text
  }

  /// `UTF-8''na%C3%AFve` (RFC 8187).
  private static func extendedValue(_ bytes: [UInt8]) throws(Failure) -> String {
    let parts = try text(bytes).utf8.split(
      separator: UInt8(ascii: "'"), maxSplits: 2, omittingEmptySubsequences: false
    ).map(Substring.init)
    guard parts.count == 3, let decoded = PercentCoding.decode(parts[2]) else { throw .malformed }
    switch parts[0].lowercased() {
    case "utf-8": return try text(decoded)
    case "iso-8859-1": return String(String.UnicodeScalarView(decoded.map { Unicode.Scalar($0) }))
    default: throw .encoding
    }
  }
}

/// Walks `token; attribute=value; attribute="quoted value"`.
private struct ParameterScanner {
  private let bytes: [UInt8]
  private var index = 0

  init(_ bytes: [UInt8]) {
    self.bytes = bytes
  }

  private var current: UInt8? { index < bytes.count ? bytes[index] : nil }

  private mutating func skipSpace() {
    while current == UInt8(ascii: " ") || current == UInt8(ascii: "\t") { index += 1 }
  }

  mutating func token() -> String {
    skipSpace()
    let start = index
    while let byte = current, byte != UInt8(ascii: ";"), byte != UInt8(ascii: "="), byte > 0x20 { index += 1 }
    return String(decoding: bytes[start..<index], as: UTF8.self)
  }

  mutating func parameter() throws(ContentDisposition.Failure) -> (String, [UInt8])? {
    skipSpace()
    guard current != nil else { return nil }
    guard current == UInt8(ascii: ";") else { throw .malformed }
    index += 1
    let attribute = token()
    // A semicolon at the very end is common and harmless.
    if attribute.isEmpty && current == nil { return nil }
    skipSpace()
    guard current == UInt8(ascii: "=") else { throw .malformed }
    index += 1
    skipSpace()
    return (attribute, current == UInt8(ascii: "\"") ? try quoted() : Array(token().utf8))
  }

  private mutating func quoted() throws(ContentDisposition.Failure) -> [UInt8] {
    index += 1
    var value: [UInt8] = []
    while let byte = current {
      index += 1
      if byte == UInt8(ascii: "\"") { return value }
      if byte == UInt8(ascii: "\\"), let escaped = current,
        escaped == UInt8(ascii: "\"") || escaped == UInt8(ascii: "\\")
      {
        index += 1
        value.append(escaped)
      } else {
        value.append(byte)
      }
    }
    throw .malformed
  }
}
