import CairnHTTP
import CairnModel
import CairnS3
import NIOHTTP1
import Testing

struct RoutingTests {
  @Test(arguments: [
    ("GET", "/", "", "ListBuckets"),
    ("HEAD", "/", "", "ListBuckets"),
    ("PUT", "/photos", "", "CreateBucket"),
    ("PUT", "/photos/", "", "CreateBucket"),
    ("HEAD", "/photos", "", "HeadBucket"),
    ("DELETE", "/photos", "", "DeleteBucket"),
    ("GET", "/photos", "location", "GetBucketLocation"),
    ("GET", "/photos", "versioning", "GetBucketVersioning"),
    ("GET", "/photos", "acl", "GetBucketAcl"),
    ("PUT", "/photos", "acl=", "PutBucketAcl"),
    ("GET", "/photos", "tagging", "GetBucketTagging"),
    ("PUT", "/photos", "tagging", "PutBucketTagging"),
    ("DELETE", "/photos", "tagging", "DeleteBucketTagging"),
    ("GET", "/photos", "", "ListObjects"),
    ("GET", "/photos", "prefix=a", "ListObjects"),
    ("GET", "/photos", "list-type=2&prefix=a", "ListObjectsV2"),
    ("POST", "/photos", "delete", "DeleteObjects"),
    ("GET", "/photos", "uploads", "ListMultipartUploads"),
    ("PUT", "/photos/cat", "", "PutObject"),
    ("PUT", "/photos/cat", "x-id=PutObject", "PutObject"),
    ("GET", "/photos/cat", "", "GetObject"),
    ("GET", "/photos/cat", "partNumber=2", "GetObject"),
    ("GET", "/photos/cat", "versionId=null", "GetObject"),
    ("HEAD", "/photos/cat", "", "HeadObject"),
    ("DELETE", "/photos/cat", "", "DeleteObject"),
    ("GET", "/photos/cat", "attributes", "GetObjectAttributes"),
    ("GET", "/photos/cat", "acl", "GetObjectAcl"),
    ("PUT", "/photos/cat", "acl", "PutObjectAcl"),
    ("GET", "/photos/cat", "tagging", "GetObjectTagging"),
    ("PUT", "/photos/cat", "tagging", "PutObjectTagging"),
    ("DELETE", "/photos/cat", "tagging", "DeleteObjectTagging"),
    ("POST", "/photos/cat", "uploads", "CreateMultipartUpload"),
    ("PUT", "/photos/cat", "partNumber=1&uploadId=x", "UploadPart"),
    ("POST", "/photos/cat", "uploadId=x", "CompleteMultipartUpload"),
    ("DELETE", "/photos/cat", "uploadId=x", "AbortMultipartUpload"),
    ("GET", "/photos/cat", "uploadId=x", "ListParts"),
  ])
  func operationIsFound(_ method: String, _ path: String, _ query: String, _ name: String) throws {
    #expect(try operation(method, path, query).rawValue == name)
  }

  @Test func copySourceMakesACopyOfAPut() throws {
    let headers: HTTPHeaders = ["X-Amz-Copy-Source": "/photos/dog"]
    #expect(try operation("PUT", "/photos/cat", "", headers) == .copyObject)
    #expect(try operation("PUT", "/photos/cat", "partNumber=1&uploadId=x", headers) == .uploadPartCopy)
  }

  @Test(arguments: [
    ("PUT", "/photos", "versioning", "PutBucketVersioning"),
    ("GET", "/photos", "versions", "ListObjectVersions"),
    ("DELETE", "/photos", "policy", "DeleteBucketPolicy"),
    ("PUT", "/photos", "cors", "PutBucketCors"),
    ("GET", "/photos", "lifecycle", "GetBucketLifecycleConfiguration"),
    ("GET", "/photos", "object-lock", "GetObjectLockConfiguration"),
    ("PUT", "/photos", "notification", "PutBucketNotificationConfiguration"),
    ("GET", "/photos", "website", "GetBucketWebsite"),
    ("GET", "/photos", "encryption", "GetBucketEncryption"),
    ("POST", "/photos", "", "PostObject"),
    ("PUT", "/photos/cat", "retention", "PutObjectRetention"),
    ("GET", "/photos/cat", "legal-hold", "GetObjectLegalHold"),
    ("GET", "/photos/cat", "versionId=abc", "versionId"),
    ("POST", "/photos/cat", "restore", "RestoreObject"),
    ("POST", "/photos/cat", "select&select-type=2", "SelectObjectContent"),
    ("OPTIONS", "/photos/cat", "", "PreflightRequest"),
  ])
  func whatThereIsNotSaysItsName(_ method: String, _ path: String, _ query: String, _ name: String) throws {
    let error = #expect(throws: S3Error.self) { try operation(method, path, query) }
    #expect(error?.code == .notImplemented)
    #expect(error?.message.hasPrefix(name + " ") == true)
  }

  @Test(arguments: [
    ("x-amz-server-side-encryption", "AES256"), ("X-Amz-Object-Lock-Mode", "GOVERNANCE"),
    ("x-amz-grant-read", "id=1"), ("x-amz-website-redirect-location", "/x"),
    ("x-amz-bucket-object-lock-enabled", "true"),
  ])
  func headersOfWhatThereIsNotAreRefused(_ name: String, _ value: String) throws {
    let error = #expect(throws: S3Error.self) { try operation("PUT", "/photos/cat", "", [name: value]) }
    #expect(error?.code == .notImplemented)
  }

  @Test func bucketIsInHostOrPath() throws {
    let cat = S3Resource.object(ObjectName(bucket: try BucketName("photos"), key: try ObjectKey("a/b c")))
    #expect(try S3Resource(host: "localhost:9000", path: "/photos/a/b%20c", domain: nil) == cat)
    #expect(try S3Resource(host: "localhost:9000", path: "/photos/a/b%20c", domain: "s3.example.org") == cat)
    #expect(try S3Resource(host: "Photos.s3.example.org:9000", path: "/a%2Fb%20c", domain: "s3.example.org") == cat)
    #expect(try S3Resource(host: "s3.example.org", path: "/photos/a/b%20c", domain: "s3.example.org") == cat)
    #expect(try S3Resource(host: "photos.s3.example.org", path: "/", domain: "s3.example.org") == .bucket(cat.name))
    #expect(try S3Resource(host: "photos.s3.example.org.", path: "/", domain: "s3.example.org") == .bucket(cat.name))
    #expect(
      try S3Resource(host: "photos.s3.example.org.:9000", path: "/a%2Fb%20c", domain: "s3.example.org") == cat)
    #expect(try S3Resource(host: "s3.example.org.", path: "/", domain: "s3.example.org") == .service)
  }

  @Test func healthIsAPathThatNoBucketCanHave() throws {
    #expect(try S3Resource(host: "s3.example.org", path: "/-/health", domain: "s3.example.org") == .health)
    let key = ObjectName(bucket: try BucketName("photos"), key: try ObjectKey("-/health"))
    #expect(
      try S3Resource(host: "photos.s3.example.org", path: "/-/health", domain: "s3.example.org") == .object(key))
    #expect(throws: S3Error.self) { try S3Resource(host: nil, path: "/-/other", domain: nil) }
    #expect(throws: S3Error.self) { try operation("PUT", "/-/health", "") }
  }

  @Test(arguments: ["//", "/%2F", "/+", "/a+b", "/a//b", "/../x", "/%F0%9F%90%A8"])
  func oddKeysStayAsTheyAre(_ path: String) throws {
    let resource = try S3Resource(host: nil, path: Substring("/photos" + path), domain: nil)
    let key = try #require(PercentCoding.decode(path.dropFirst())).dropFirst(0)
    #expect(resource == .object(ObjectName(bucket: try BucketName("photos"), key: try ObjectKey(utf8: key))))
  }

  @Test(arguments: [
    ("photos/cat", "cat"), ("/photos/cat", "cat"), ("/photos//cat/", "/cat/"), ("photos/a%2Fb%3F", "a/b?"),
    ("photos/cat?versionId=null", "cat"), ("photos/%CC%81x", "\u{301}x"), ("%2Fphotos%2Fcat", "cat"),
    ("photos/a+b", "a b"), ("photos/a%2Bb", "a+b"), ("photos/a%20b+%2B", "a b +"),
  ])
  func copySourceIsABucketAndAKey(_ text: String, _ key: String) throws {
    #expect(try CopySource(text).name == ObjectName(bucket: BucketName("photos"), key: ObjectKey(key)))
  }

  @Test(arguments: ["", "/", "photos", "photos/", "/photos/", "//cat", "a/cat", "photos/%FF", "photos/c?versionId=1"])
  func whatIsNoCopySourceIsRefused(_ text: String) {
    #expect(throws: S3Error.self) { try CopySource(text) }
  }

  @Test func noClientReachesTheSystemBucket() throws {
    #expect(throws: S3Error.self) { try S3Resource(host: nil, path: "/_cairn/bucket/default", domain: nil) }
    #expect(throws: S3Error.self) { try S3Resource(host: "_cairn.s3.local", path: "/x", domain: "s3.local") }
    #expect(throws: InvalidName.self) { try BucketName("_cairn") }
    #expect(try BucketName(stored: "_cairn") == .system)
  }

  private func operation(
    _ method: String, _ path: String, _ query: String, _ headers: HTTPHeaders = [:]
  ) throws -> S3Operation {
    try S3Operation(
      HTTPMethod(rawValue: method), S3Resource(host: nil, path: Substring(path), domain: nil),
      #require(QueryParameters(Substring(query))), headers)
  }
}

extension S3Resource {
  fileprivate var name: BucketName {
    switch self {
    case .service, .health: .default
    case .bucket(let name): name
    case .object(let name): name.bucket
    }
  }
}
