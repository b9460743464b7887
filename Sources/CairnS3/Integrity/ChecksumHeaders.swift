internal import CairnCatalog
internal import CairnHTTP
internal import CairnModel
internal import CairnObjects
internal import Foundation
internal import NIOHTTP1

/// `x-amz-checksum-…`: what a client says of its bytes, and what it is told of an object's.
enum ChecksumHeaders {
  static let type = "x-amz-checksum-type"
  static let algorithm = "x-amz-checksum-algorithm"
  private static let prefix = Array("x-amz-checksum-".utf8)

  /// The checksum that a body is to have: told in the header, in a trailer, or only asked for by its algorithm.
  ///
  /// - Parameter body: its trailer is looked at once it was read.
  /// - Throws: `InvalidRequest`.
  static func bodyChecksum(_ headers: HTTPHeaders, _ body: BodySource) throws(S3Error) -> BodyChecksum? {
    if let (algorithm, value) = try told(headers) {
      return BodyChecksum(algorithm) { value }
    }
    for name in headers[canonicalForm: "x-amz-trailer"] {
      guard let algorithm = ChecksumAlgorithm(field: String(name)) else { continue }
      return BodyChecksum(algorithm) {
        try body.trailers().first { $0.name == algorithm.field }.map { pair throws(S3Error) in
          try digest(pair.value, algorithm)
        }
      }
    }
    guard let name = headers.first(name: "x-amz-sdk-checksum-algorithm") else { return nil }
    return BodyChecksum(try parse(name, "x-amz-sdk-checksum-algorithm"))
  }

  /// The checksum in a header; nil where there is none.
  ///
  /// - Throws: `InvalidRequest` where there are several, or what there is can't be one.
  static func told(_ headers: HTTPHeaders) throws(S3Error) -> (ChecksumAlgorithm, Digest)? {
    // Most requests have none, and one look at each header field is less than one for each algorithm.
    guard headers.contains(where: { $0.name.utf8.starts(ignoringCase: prefix) }) else { return nil }
    let found = ChecksumAlgorithm.allCases.filter { headers.contains(name: $0.field) }
    guard found.count <= 1 else {
      throw S3Error(
        .invalidRequest, "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.")
    }
    guard let algorithm = found.first, let text = headers.first(name: algorithm.field) else { return nil }
    return (algorithm, try digest(text, algorithm))
  }

  /// What `x-amz-checksum-algorithm` and `x-amz-checksum-type` ask for an upload in parts.
  ///
  /// - Throws: `InvalidRequest`.
  static func uploadChecksum(_ headers: HTTPHeaders) throws(S3Error) -> UploadChecksum? {
    let kind = try headers.first(name: type).map { text throws(S3Error) in try ObjectChecksum.Kind(text) }
    guard let name = headers.first(name: Self.algorithm) else {
      guard kind == nil else {
        throw S3Error(
          .invalidRequest, "The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header.")
      }
      return nil
    }
    let algorithm = try parse(name, Self.algorithm)
    let chosen = kind ?? (algorithm == .crc64nvme ? .fullObject : .composite)
    guard chosen == .composite ? algorithm != .crc64nvme : algorithm.polynomial != nil else {
      throw S3Error(
        .invalidRequest,
        "The \(chosen.name) checksum type cannot be used with the \(algorithm.name.lowercased()) checksum algorithm.")
    }
    return UploadChecksum(algorithm: algorithm, kind: chosen)
  }

  /// The algorithm that a copy is to have.
  static func copyAlgorithm(_ headers: HTTPHeaders) throws(S3Error) -> ChecksumAlgorithm? {
    try headers.first(name: algorithm).map { name throws(S3Error) in try parse(name, algorithm) }
  }

  /// - Throws: `InvalidRequest` where `text` is no checksum of `algorithm`.
  static func digest(_ text: String, _ algorithm: ChecksumAlgorithm) throws(S3Error) -> Digest {
    guard let bytes = Data(base64Encoded: text), bytes.count == algorithm.length else {
      throw S3Error(.invalidRequest, "Value for \(algorithm.field) header is invalid.")
    }
    return Digest(Array(bytes))
  }

  private static func parse(_ name: String, _ field: String) throws(S3Error) -> ChecksumAlgorithm {
    guard let algorithm = ChecksumAlgorithm(name: name) else {
      throw S3Error(
        .invalidRequest,
        "Checksum algorithm provided is unsupported. Please try again with any of the valid types: "
          + "[CRC32, CRC32C, CRC64NVME, SHA1, SHA256]", details: [.init("Header", field)])
    }
    return algorithm
  }
}

extension ObjectChecksum.Kind {
  /// As in `x-amz-checksum-type`.
  var name: String { self == .composite ? "COMPOSITE" : "FULL_OBJECT" }

  init(_ name: String) throws(S3Error) {
    switch name.uppercased() {
    case "COMPOSITE": self = .composite
    case "FULL_OBJECT": self = .fullObject
    default: throw S3Error(.invalidRequest, "Value for x-amz-checksum-type header is invalid.")
    }
  }
}

extension Digest {
  var base64: String { Data(bytes).base64EncodedString() }
}

extension ObjectAttributes {
  /// The checksum as clients see it; with the number of its parts where it is one of checksums.
  var checksumText: String? {
    guard let checksum else { return nil }
    guard checksum.kind == .composite, let assembly else { return checksum.value.base64 }
    return "\(checksum.value.base64)-\(assembly.partCount)"
  }
}

extension HTTPHeaders {
  /// An object's checksum, where it has one.
  mutating func addChecksum(of attributes: ObjectAttributes) {
    guard let checksum = attributes.checksum, let text = attributes.checksumText else { return }
    try? add(checking: checksum.algorithm.field, text)
    add(name: ChecksumHeaders.type, value: checksum.kind.name)
  }
}

extension XMLText {
  /// An object's checksum, where it has one.
  mutating func checksum(of attributes: ObjectAttributes) {
    guard let checksum = attributes.checksum, let text = attributes.checksumText else { return }
    element("Checksum\(checksum.algorithm.name)", text)
    element("ChecksumType", checksum.kind.name)
  }

  /// The checksum of a part.
  mutating func checksum(_ value: Digest?, _ algorithm: ChecksumAlgorithm?) {
    if let value, let algorithm { element("Checksum\(algorithm.name)", value.base64) }
  }
}

extension S3API {
  /// The bytes that a request has for an object or a part.
  ///
  /// - Throws: `MissingContentLength`, and as ``body(_:)`` does.
  func uploadBody(_ request: S3Request) throws(S3Error) -> BodySource {
    guard request.header("content-length") != nil || request.header("transfer-encoding") != nil else {
      throw S3Error(.missingContentLength, "You must provide the Content-Length HTTP header.")
    }
    return try body(request)
  }

  /// The bytes that a request brings, with all that it says of them, which is verified before they count.
  ///
  /// - Throws: where what is said can't be right.
  func body(_ request: S3Request) throws(S3Error) -> BodySource {
    var body = try authenticator.body(of: request.http, request.identity)
    body.md5 = try ContentMD5.value(request.headers)
    body.checksum = try ChecksumHeaders.bodyChecksum(request.headers, body)
    return body
  }
}
