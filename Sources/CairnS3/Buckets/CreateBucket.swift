internal import CairnHTTP
internal import CairnModel
internal import NIOHTTP1

extension S3API {
  /// `PUT /BUCKET`.
  func createBucket(_ request: S3Request) async throws(S3Error) -> HTTPResponse {
    try authorize(request)
    let name = try request.bucket
    guard name.isAllowedForNewBuckets else {
      throw S3Error(
        .invalidBucketName, "The specified bucket is not valid.", details: [.init("BucketName", name.text)])
    }
    let access = try CannedACL.access(request.headers)
    if let document = try await document(request, root: "CreateBucketConfiguration"),
      let location = document["LocationConstraint"]?.text.trimmed, !location.isEmpty, location != settings.region
    {
      throw S3Error(
        .illegalLocationConstraint,
        "The \(location) location constraint is incompatible for the region specific endpoint this request was sent to."
      )
    }
    var owner: AccessKeyID?
    if case .key(let key, _) = request.identity { owner = key }
    let bucket = Bucket(name: name, createdAt: .now(), owner: owner, access: access ?? .none)
    if let existing = try await buckets.create(bucket) {
      guard S3Access.allow(request.identity, .ownBucket, bucket: existing) else {
        throw S3Error(
          .bucketAlreadyExists,
          "The requested bucket name is not available. The bucket namespace is shared by all users of the system. "
            + "Please select a different name and try again.", details: [.init("BucketName", name.text)])
      }
      // As in S3 itself, where the oldest region forgives it.
      guard settings.region == Self.forgivingRegion else {
        throw S3Error(
          .bucketAlreadyOwnedByYou,
          "Your previous request to create the named bucket succeeded and you already own it.",
          details: [.init("BucketName", name.text)])
      }
    }
    return HTTPResponse(.ok, headers: ["Location": "/\(name.text)"])
  }

  static let forgivingRegion = "us-east-1"
}

extension BucketName {
  private static let refusedPrefixes: [ByteText] = ["xn--", "sthree-", "amzn-s3-demo-"]
  private static let refusedSuffixes: [ByteText] = ["-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3"]

  /// The rules for new buckets are stricter than those for what a bucket can be called.
  ///
  /// - SeeAlso: https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
  package var isAllowedForNewBuckets: Bool {
    let labels = text.split(separator: ".", omittingEmptySubsequences: false)
    let looksLikeAddress = labels.count == 4 && labels.allSatisfy { !$0.isEmpty && $0.allSatisfy(\.isNumber) }
    return !looksLikeAddress && !labels.contains("")
      && !Self.refusedPrefixes.contains(where: ByteText(text).starts)
      && !Self.refusedSuffixes.contains(where: ByteText(text).ends)
  }
}

extension String {
  /// Without white space around it, as people lay it around the texts of documents.
  var trimmed: String {
    guard let first = firstIndex(where: { !$0.isWhitespace }), let last = lastIndex(where: { !$0.isWhitespace }) else {
      return ""
    }
    return String(self[first...last])
  }
}
