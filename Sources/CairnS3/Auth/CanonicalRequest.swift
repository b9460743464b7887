internal import CairnModel
package import NIOHTTP1

/// The parts of a request that a signature covers, as they came.
package struct SignableRequest: Sendable {
  package var method: String
  /// Still percent-encoded.
  package var path: Substring
  /// Still percent-encoded, without `?`.
  package var query: Substring
  package var headers: HTTPHeaders

  package init(method: String, path: Substring, query: Substring, headers: HTTPHeaders) {
    self.method = method
    self.path = path
    self.query = query
    self.headers = headers
  }

  /// Whether bytes follow the header.
  var hasBody: Bool {
    headers.contains(name: "transfer-encoding") || (headers.first(name: "content-length") ?? "0") != "0"
  }
}

/// The text that client and server make of one request, each for itself, to sign it.
///
/// A path is never normalised: in S3 `//`, `.` and `..` are parts of keys like any other.
package enum CanonicalRequest {
  /// How path and query get into the text.
  package enum Encoding: CaseIterable, Sendable {
    /// Decoded and encoded anew, as the rules of signing want for S3.
    case anew
    /// The path encoded as it stands, so once more, as the rules of signing want for all other services; the query as in
    /// ``anew``.
    case twice
    /// As they stand in the request, the query sorted: what clients sign that encode otherwise than the rules, and sign
    /// what they send.
    case verbatim
    /// As they stand in the request, in the query's own order: what curl 7.88 signs.
    case asSent
  }

  private static let userPrefix = Array("x-amz-meta-".utf8)
  private static let signatureParameter = Array("X-Amz-Signature".utf8)

  /// - Parameters:
  ///   - signedHeaders: names in lower case.
  ///   - payload: the last line: a hash, or what stands for one.
  /// - Throws: ``SignatureError/repeatedParameter(_:)``, ``SignatureError/repeatedHeader(_:)``,
  ///   ``SignatureError/malformedHeader(_:)`` where a header is to be signed twice.
  package static func bytes(
    of request: SignableRequest, signedHeaders: [Substring], payload: String, encoding: Encoding = .anew
  ) throws(SignatureError) -> [UInt8] {
    var text: [UInt8] = []
    text.reserveCapacity(768)
    text.append(contentsOf: request.method.utf8)
    text.append(UInt8(ascii: "\n"))
    appendPath(request.path, encoding, to: &text)
    text.append(UInt8(ascii: "\n"))
    try appendQuery(request.query, encoding, to: &text)
    text.append(UInt8(ascii: "\n"))
    var last: Substring = ""
    for name in signedHeaders.sorted(by: { $0.utf8.lexicographicallyPrecedes($1.utf8) }) {
      // Each time that a name comes its value would come, and a small request could make a text of any length.
      guard name != last else { throw .malformedHeader("SignedHeaders names '\(name)' more than once.") }
      last = name
      try appendHeader(name, request.headers, to: &text)
    }
    text.append(UInt8(ascii: "\n"))
    for (index, name) in signedHeaders.enumerated() {
      if index > 0 { text.append(UInt8(ascii: ";")) }
      text.append(contentsOf: name.utf8)
    }
    text.append(UInt8(ascii: "\n"))
    text.append(contentsOf: payload.utf8)
    return text
  }

  private static func appendPath(_ path: Substring, _ encoding: Encoding, to text: inout [UInt8]) {
    switch encoding {
    case .anew: appendEncoded(path.utf8, isEncoded: true, keepsSlash: true, plusIsSpace: false, to: &text)
    case .twice: appendEncoded(path.utf8, isEncoded: false, keepsSlash: true, plusIsSpace: false, to: &text)
    case .verbatim, .asSent: text.append(contentsOf: path.utf8)
    }
    if path.isEmpty { text.append(UInt8(ascii: "/")) }
  }

  /// - Throws: for a parameter that is given twice. The text says nothing of the order, and the first one counts: somebody
  ///   on the way could choose which.
  private static func appendQuery(
    _ query: Substring, _ encoding: Encoding, to text: inout [UInt8]
  ) throws(SignatureError) {
    guard !query.isEmpty else { return }
    guard encoding != .asSent else {
      text.append(contentsOf: query.utf8)
      return
    }
    var parameters: [(name: [UInt8], value: [UInt8])] = []
    var hasSignature = false
    let isVerbatim = encoding == .verbatim
    for parameter in query.utf8.split(separator: UInt8(ascii: "&"), omittingEmptySubsequences: !isVerbatim) {
      let equals = parameter.firstIndex(of: UInt8(ascii: "=")) ?? parameter.endIndex
      let name = isVerbatim ? Array(parameter[..<equals]) : encoded(parameter[..<equals])
      guard name != signatureParameter else {
        guard !hasSignature else { throw .repeatedParameter(String(decoding: name, as: UTF8.self)) }
        hasSignature = true
        continue
      }
      let value = parameter[equals...].dropFirst()
      parameters.append((name, isVerbatim ? Array(value) : encoded(value)))
    }
    parameters.sort {
      $0.name == $1.name ? $0.value.lexicographicallyPrecedes($1.value) : $0.name.lexicographicallyPrecedes($1.name)
    }
    for (index, parameter) in parameters.enumerated() {
      if index > 0 {
        guard parameter.name != parameters[index - 1].name else {
          throw .repeatedParameter(String(decoding: parameter.name, as: UTF8.self))
        }
        text.append(UInt8(ascii: "&"))
      }
      text.append(contentsOf: parameter.name)
      text.append(UInt8(ascii: "="))
      text.append(contentsOf: parameter.value)
    }
  }

  private static func encoded(_ part: Substring.UTF8View.SubSequence) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(part.count)
    appendEncoded(part, isEncoded: true, keepsSlash: false, plusIsSpace: true, to: &bytes)
    return bytes
  }

  /// Decodes what is encoded, and encodes, in one pass. A `%` without two digits stands for itself.
  private static func appendEncoded(
    _ source: Substring.UTF8View, isEncoded: Bool, keepsSlash: Bool, plusIsSpace: Bool, to text: inout [UInt8]
  ) {
    var index = source.startIndex
    while index < source.endIndex {
      var byte = source[index]
      source.formIndex(after: &index)
      if isEncoded, byte == UInt8(ascii: "%"), let (decoded, end) = decodedByte(in: source, at: index) {
        byte = decoded
        index = end
      } else if byte == UInt8(ascii: "+"), plusIsSpace {
        byte = UInt8(ascii: " ")
      }
      if isUnreserved(byte) || (keepsSlash && byte == UInt8(ascii: "/")) {
        text.append(byte)
      } else {
        text.append(UInt8(ascii: "%"))
        text.append(upperDigit(byte >> 4))
        text.append(upperDigit(byte & 0x0F))
      }
    }
  }

  private static func decodedByte(
    in source: Substring.UTF8View, at index: Substring.UTF8View.Index
  ) -> (UInt8, Substring.UTF8View.Index)? {
    guard index < source.endIndex, let high = source[index].hexadecimalValue else { return nil }
    let second = source.index(after: index)
    guard second < source.endIndex, let low = source[second].hexadecimalValue else { return nil }
    return (high << 4 | low, source.index(after: second))
  }

  private static func isUnreserved(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
      UInt8(ascii: "~"):
      true
    default: false
    }
  }

  private static func upperDigit(_ nibble: UInt8) -> UInt8 {
    nibble < 10 ? UInt8(ascii: "0") + nibble : UInt8(ascii: "A") + nibble - 10
  }

  /// `name:value`, with runs of white space as one space and none around.
  ///
  /// - Throws: for a header that is sent twice. The rules join the values by commas, and headers are read as one value:
  ///   somebody on the way could cut it at a comma. Only the metadata of users is joined where it is read, too.
  private static func appendHeader(
    _ name: Substring, _ headers: HTTPHeaders, to text: inout [UInt8]
  ) throws(SignatureError) {
    text.append(contentsOf: name.utf8)
    text.append(UInt8(ascii: ":"))
    var isFirst = true
    for header in headers where header.name.utf8.isEqual(ignoringCaseTo: name.utf8) {
      if !isFirst {
        guard name.utf8.starts(with: userPrefix) else { throw .repeatedHeader(String(name)) }
        text.append(UInt8(ascii: ","))
      }
      isFirst = false
      let start = text.count
      text.append(contentsOf: header.value.utf8)
      // Most values have no space, which costs a look at each byte of them, and no more.
      guard text[start...].contains(where: { $0 <= 0x20 }) else { continue }
      text.removeSubrange(start...)
      var needsSpace = false
      for byte in header.value.utf8 {
        if byte == UInt8(ascii: " ") || (0x09...0x0D).contains(byte) {
          needsSpace = text.count > start
        } else {
          if needsSpace { text.append(UInt8(ascii: " ")) }
          needsSpace = false
          text.append(byte)
        }
      }
    }
    text.append(UInt8(ascii: "\n"))
  }
}

extension Sequence<UInt8> {
  /// - Parameter prefix: in lower case.
  func starts(ignoringCase prefix: [UInt8]) -> Bool {
    starts(with: prefix) { byte, lower in
      byte == lower || ((UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) && byte | 0x20 == lower)
    }
  }
}

extension String.UTF8View {
  /// - Parameter name: in lower case.
  func isEqual(ignoringCaseTo name: Substring.UTF8View) -> Bool {
    guard count == name.count else { return false }
    return zip(self, name).allSatisfy { byte, lower in
      byte == lower || ((UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) && byte | 0x20 == lower)
    }
  }
}
