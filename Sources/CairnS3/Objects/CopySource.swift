internal import CairnHTTP
package import CairnModel
internal import NIOHTTP1

/// `x-amz-copy-source`, and the conditions on it.
package struct CopySource: Hashable, Sendable {
  static let field = "x-amz-copy-source"

  package let name: ObjectName

  /// - Parameter header: `BUCKET/KEY` or `/BUCKET/KEY`, percent-encoded, perhaps with `?versionId=…`.
  package init(_ header: String) throws(S3Error) {
    var path = header[...]
    if let question = path.utf8.firstIndex(of: UInt8(ascii: "?")) {
      let query = QueryParameters(path[question...].dropFirst())
      if let version = query?["versionId"], version != "null" { throw .notImplemented("versionId") }
      path = path[..<question]
    }
    // As in a query, where a plus is a space: some clients encode spaces so, and S3 understands it.
    guard let text = PercentCoding.decode(path, plusIsSpace: true).flatMap(PercentCoding.text) else {
      throw S3Error(.invalidURI, "Couldn't parse the specified URI.")
    }
    // By bytes: a slash and a mark that begins a key are one character.
    let decoded = text.utf8
    let slash = UInt8(ascii: "/")
    let names = (decoded.first == slash ? decoded.dropFirst() : decoded[...]).split(
      separator: slash, maxSplits: 1, omittingEmptySubsequences: false)
    guard names.count == 2, let bucket = names.first, let key = names.last, !bucket.isEmpty, !key.isEmpty else {
      throw .invalidArgument(
        Self.field, header, "Copy Source must mention the source bucket and key: sourcebucket/sourcekey")
    }
    name = ObjectName(
      bucket: try S3Resource.bucketName(String(Substring(bucket))), key: try S3Resource.key(String(Substring(key))))
  }

  /// - Throws: `PreconditionFailed` where the source is not as the request wants it.
  static func checkConditions(_ headers: HTTPHeaders, _ attributes: ObjectAttributes) throws(S3Error) {
    var conditions = HTTPHeaders()
    for name in ["if-match", "if-none-match", "if-modified-since", "if-unmodified-since"] {
      if let value = headers.first(name: "\(field)-\(name)") { try? conditions.add(checking: name, value) }
    }
    let outcome = Preconditions.evaluate(
      EntityTag.conditions(conditions), isRead: true, etag: attributes.etag,
      lastModified: Int(attributes.createdAt.secondsSinceEpoch))
    guard outcome == .proceed else { throw .preconditionFailed }
  }
}

extension S3API {
  /// The object that a request copies from, where its sender may read it and its conditions hold.
  func copySource(_ request: S3Request) async throws(S3Error) -> FoundObject {
    let source = try CopySource(request.header(CopySource.field) ?? "")
    let bucket = try await buckets.bucket(source.name.bucket)
    let found = try await object(source.name, in: bucket, for: request, .readObject)
    try CopySource.checkConditions(request.headers, found.attributes)
    return FoundObject(bucket: bucket, name: source.name, object: found)
  }
}
