package import CairnHTTP
internal import CairnModel
package import NIOHTTP1

extension S3Operation {
  /// Finds out what a request asks for: by resource, method, sub-resource of the query, and header.
  ///
  /// - Throws: `NotImplemented` with the name of what there is not, `MethodNotAllowed`.
  package init(
    _ method: HTTPMethod, _ resource: S3Resource, _ query: QueryParameters, _ headers: HTTPHeaders
  ) throws(S3Error) {
    if let name = Self.notImplemented(headers) ?? Self.notImplemented(method, resource, query) {
      throw .notImplemented(name)
    }
    let found: S3Operation? =
      switch resource {
      case .service: method == .GET || method == .HEAD ? .listBuckets : nil
      case .health: nil
      case .bucket: Self.onBucket(method, query)
      case .object: Self.onObject(method, query, headers)
      }
    guard let found else {
      throw S3Error(
        .methodNotAllowed, "The specified method is not allowed against this resource.",
        details: [.init("Method", method.rawValue)])
    }
    self = found
  }

  private static func onBucket(_ method: HTTPMethod, _ query: QueryParameters) -> S3Operation? {
    switch method {
    case .GET:
      if query["location"] != nil { return .getBucketLocation }
      if query["versioning"] != nil { return .getBucketVersioning }
      if query["acl"] != nil { return .getBucketACL }
      if query["tagging"] != nil { return .getBucketTagging }
      if query["uploads"] != nil { return .listMultipartUploads }
      return query["list-type"] == "2" ? .listObjectsV2 : .listObjects
    case .HEAD: return .headBucket
    case .PUT:
      if query["acl"] != nil { return .putBucketACL }
      return query["tagging"] != nil ? .putBucketTagging : .createBucket
    case .DELETE: return query["tagging"] != nil ? .deleteBucketTagging : .deleteBucket
    case .POST: return query["delete"] != nil ? .deleteObjects : nil
    default: return nil
    }
  }

  private static func onObject(
    _ method: HTTPMethod, _ query: QueryParameters, _ headers: HTTPHeaders
  ) -> S3Operation? {
    switch method {
    case .GET:
      if query["acl"] != nil { return .getObjectACL }
      if query["tagging"] != nil { return .getObjectTagging }
      if query["attributes"] != nil { return .getObjectAttributes }
      return query["uploadId"] != nil ? .listParts : .getObject
    case .HEAD: return .headObject
    case .PUT:
      if query["acl"] != nil { return .putObjectACL }
      if query["tagging"] != nil { return .putObjectTagging }
      let isCopy = headers.contains(name: "x-amz-copy-source")
      if query["uploadId"] != nil || query["partNumber"] != nil { return isCopy ? .uploadPartCopy : .uploadPart }
      return isCopy ? .copyObject : .putObject
    case .DELETE:
      if query["tagging"] != nil { return .deleteObjectTagging }
      return query["uploadId"] != nil ? .abortMultipartUpload : .deleteObject
    case .POST:
      if query["uploads"] != nil { return .createMultipartUpload }
      return query["uploadId"] != nil ? .completeMultipartUpload : nil
    default: return nil
    }
  }
}

// MARK: What there is not

extension S3Operation {
  /// Sub-resources of buckets, and what follows `Get`, `Put` or `Delete` in the names of their operations.
  private static let bucketSubresources: KeyValuePairs<String, String> = [
    "versioning": "BucketVersioning", "policy": "BucketPolicy", "policyStatus": "BucketPolicyStatus",
    "cors": "BucketCors", "lifecycle": "BucketLifecycleConfiguration", "encryption": "BucketEncryption",
    "notification": "BucketNotificationConfiguration", "replication": "BucketReplication",
    "logging": "BucketLogging", "website": "BucketWebsite", "accelerate": "BucketAccelerateConfiguration",
    "requestPayment": "BucketRequestPayment", "object-lock": "ObjectLockConfiguration",
    "ownershipControls": "BucketOwnershipControls", "publicAccessBlock": "PublicAccessBlock",
    "inventory": "BucketInventoryConfiguration", "analytics": "BucketAnalyticsConfiguration",
    "metrics": "BucketMetricsConfiguration", "intelligent-tiering": "BucketIntelligentTieringConfiguration",
    "metadataTable": "BucketMetadataTableConfiguration", "metadataConfiguration": "BucketMetadataConfiguration",
    "abac": "BucketAbac", "quota": "BucketQuota",
  ]
  private static let objectSubresources: KeyValuePairs<String, String> = [
    "retention": "ObjectRetention", "legal-hold": "ObjectLegalHold", "torrent": "ObjectTorrent",
    "encryption": "ObjectEncryption",
  ]
  /// What follows `x-amz-` in the names of header fields, or in their beginnings, without which a request would mean
  /// something else.
  private static let headerPrefixes: [[UInt8]] = [
    "server-side-encryption", "copy-source-server-side-encryption", "object-lock-", "grant-",
    "website-redirect-location", "write-offset-bytes", "mfa", "bypass-governance-retention", "rename-source",
    "object-ownership",
  ].map { Array($0.utf8) }
  private static let bucketLockSuffix = Array("bucket-object-lock-enabled".utf8)
  private static let amazonPrefix = Array("x-amz-".utf8)

  private static func notImplemented(_ headers: HTTPHeaders) -> String? {
    for (name, value) in headers where name.utf8.first.map({ $0 | 0x20 }) == UInt8(ascii: "x") {
      guard name.utf8.starts(ignoringCase: amazonPrefix) else { continue }
      let rest = name.utf8.dropFirst(amazonPrefix.count)
      guard let first = rest.first.map({ $0 | 0x20 }) else { continue }
      for prefix in headerPrefixes where prefix.first == first && rest.starts(ignoringCase: prefix) {
        return name.lowercased()
      }
      if first == bucketLockSuffix.first, rest.count == bucketLockSuffix.count,
        rest.starts(ignoringCase: bucketLockSuffix), value.lowercased() != "false"
      {
        return name.lowercased()
      }
    }
    return nil
  }

  private static func notImplemented(
    _ method: HTTPMethod, _ resource: S3Resource, _ query: QueryParameters
  ) -> String? {
    switch resource {
    case .service, .health: return nil
    case .bucket:
      if query["versions"] != nil { return "ListObjectVersions" }
      if query["session"] != nil { return "CreateSession" }
      // That no bucket has versions is the truth, and clients ask before they delete one.
      if method == .GET, query["versioning"] != nil { return nil }
      if let noun = noun(in: query, bucketSubresources) { return verb(method) + noun }
      if method == .POST, query["delete"] == nil { return "PostObject" }
    case .object:
      if query["restore"] != nil { return "RestoreObject" }
      if query["select"] != nil { return "SelectObjectContent" }
      if query["renameObject"] != nil { return "RenameObject" }
      if let noun = noun(in: query, objectSubresources) { return verb(method) + noun }
      // Without versions every object has one, and this is its name.
      if let version = query["versionId"], version != "null" { return "versionId" }
    }
    return method == .OPTIONS ? "PreflightRequest" : nil
  }

  private static func noun(in query: QueryParameters, _ names: KeyValuePairs<String, String>) -> String? {
    guard !query.isEmpty else { return nil }
    return names.first { query[$0.key] != nil }?.value
  }

  private static func verb(_ method: HTTPMethod) -> String {
    switch method {
    case .PUT, .POST: "Put"
    case .DELETE: "Delete"
    default: "Get"
    }
  }
}
