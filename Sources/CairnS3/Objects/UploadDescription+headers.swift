internal import CairnHTTP
internal import CairnModel
internal import CairnObjects
internal import NIOHTTP1

/// Classes of storage, which are remembered and mean nothing.
enum StorageClass {
  static let standard = "STANDARD"
  private static let all: Set<String> = [
    standard, "REDUCED_REDUNDANCY", "STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING", "GLACIER", "DEEP_ARCHIVE",
    "OUTPOSTS", "GLACIER_IR", "SNOW", "EXPRESS_ONEZONE",
  ]

  /// What `x-amz-storage-class` says; nil for the usual one.
  static func value(_ headers: HTTPHeaders) throws(S3Error) -> String? {
    guard let name = headers.first(name: "x-amz-storage-class"), name != standard else { return nil }
    guard all.contains(name) else {
      throw S3Error(
        .invalidStorageClass, "The storage class you specified is not valid",
        details: [.init("StorageClassRequested", name)])
    }
    return name
  }
}

extension UploadDescription {
  static let userPrefix = "x-amz-meta-"
  private static let userPrefixBytes = Array(userPrefix.utf8)
  /// Bytes of names and values together.
  private static let userBytesMax = 2048
  private static let contentTypeFallback = "binary/octet-stream"

  /// What the header of a request says of the object that it makes: for PutObject, CopyObject and
  /// CreateMultipartUpload.
  ///
  /// - Throws: where S3 allows something else.
  init(_ headers: HTTPHeaders) throws(S3Error) {
    let type = headers.first(name: "content-type") ?? ""
    var metadata = ObjectMetadata()
    for header in ObjectMetadata.SystemHeader.allCases {
      guard var value = headers.first(name: header.fieldName) else { continue }
      // The scheme of the body on its way is not a property of the object.
      if header == .contentEncoding { value = Self.withoutChunks(value) }
      if !value.isEmpty { metadata.headers[header] = value }
    }
    metadata.user = try Self.userMetadata(headers)
    if let tags = headers.first(name: "x-amz-tagging") { metadata.tags = try TagSet.tags(query: tags) }
    metadata.access = try CannedACL.access(headers)
    metadata.storageClass = try StorageClass.value(headers)
    self.init(contentType: type.isEmpty ? Self.contentTypeFallback : type, metadata: metadata)
  }

  private static func userMetadata(_ headers: HTTPHeaders) throws(S3Error) -> [ObjectMetadata.Pair] {
    var pairs: [ObjectMetadata.Pair] = []
    var size = 0
    for (name, value) in headers {
      guard name.utf8.count > userPrefix.utf8.count, name.utf8.starts(ignoringCase: userPrefixBytes) else { continue }
      let key = String(name.lowercased().dropFirst(userPrefix.count))
      size += key.utf8.count + value.utf8.count
      if let index = pairs.firstIndex(where: { $0.name == key }) {
        pairs[index].value += "," + value
      } else {
        pairs.append(.init(key, value))
      }
    }
    guard size <= userBytesMax else {
      throw S3Error(
        .metadataTooLarge, "Your metadata headers exceed the maximum allowed metadata size",
        details: [.init("Size", String(size)), .init("MaxSizeAllowed", String(userBytesMax))])
    }
    return pairs
  }

  private static func withoutChunks(_ value: String) -> String {
    value.split(separator: ",").map { String($0).trimmed }.filter { $0.lowercased() != "aws-chunked" }
      .joined(separator: ",")
  }
}

extension ObjectMetadata.SystemHeader {
  /// What HTTP calls it.
  var fieldName: String {
    switch self {
    case .cacheControl: "Cache-Control"
    case .contentDisposition: "Content-Disposition"
    case .contentEncoding: "Content-Encoding"
    case .contentLanguage: "Content-Language"
    case .expires: "Expires"
    }
  }
}
