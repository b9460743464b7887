import CairnS3
import CairnTestSupport
import Foundation
import Testing

extension S3Suite {
  /// Every operation of the S3 port, as every kind of caller, on buckets of their own and of others.
  @Suite struct AuthorisationTests {
    @Test func everyOperationAdmitsThoseThatTheTableNames() async throws {
      let table = try AuthorisationTable("s3.txt")
      let server = try await CairnProcess.server(AuthorisationFixture.administrator.settings)
      let fixture = try await AuthorisationFixture(server, callers: table.callers)
      let port = try #require(server.s3Port)
      let found = try await BlockingThreads.run {
        var found: [AuthorisationTable.Row: [Int]] = [:]
        let client = try WireClient(port: port)
        for operation in S3Operation.allCases {
          for subject in fixture.subjects(of: operation) {
            let row = AuthorisationTable.Row(operation: operation.rawValue, subject: subject.text)
            let request = fixture.request(for: operation, on: subject)
            found[row] = try table.callers.map { caller in
              let headers =
                try fixture.keys[caller].map {
                  try RequestSigner(key: $0).headers(request.method, request.target, request.headers)
                } ?? request.headers
              return try client.request(
                request.method, request.target, headers: headers, body: Array(request.body.utf8)[...]
              ).status
            }
          }
        }
        return found
      }
      table.expect(found)
      try await server.stopInOrder()
    }
  }
}

/// A request without a credential.
struct TableRequest {
  var method: String
  /// Path and query.
  var target: String
  var headers: [String] = []
  var body = ""

  init(_ method: String, _ target: String, _ headers: [String] = [], body: String = "") {
    self.method = method
    self.target = target
    self.headers = headers
    self.body = body
  }
}

extension AuthorisationFixture {
  /// The bucket that an operation is about, and where it reads from another one, that one.
  struct Subject {
    var bucket: String
    var source: String?

    var text: String { source.map { "\(bucket)<\($0)" } ?? bucket }
  }

  private static let tags = "<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>"
  /// No upload has it.
  private static let strangeUpload = String(repeating: "0", count: 31) + "1"

  func subjects(of operation: S3Operation) -> [Subject] {
    let own = Self.buckets.map { Subject(bucket: $0) }
    let crossed = [Subject(bucket: "alpha", source: "beta"), Subject(bucket: "beta", source: "alpha")]
    return switch operation {
    case .listBuckets: [Subject(bucket: "-")]
    // Objects and uploads of another bucket than that of the path.
    case .copyObject, .uploadPartCopy: own + crossed + [Subject(bucket: "alpha", source: "open")]
    case .uploadPart, .completeMultipartUpload, .abortMultipartUpload, .listParts:
      own + crossed
    default: own
    }
  }

  /// Requests that succeed as often as they are made, or whose failure tells that the caller was admitted.
  func request(for operation: S3Operation, on subject: Subject) -> TableRequest {
    let bucket = "/" + subject.bucket
    let upload = uploads[subject.source ?? subject.bucket] ?? ""
    let copy = ["x-amz-copy-source: /\(subject.source ?? subject.bucket)/object"]
    switch operation {
    case .listBuckets: return TableRequest("GET", "/")
    case .createBucket: return TableRequest("PUT", bucket)
    case .headBucket: return TableRequest("HEAD", bucket)
    // It is not empty.
    case .deleteBucket: return TableRequest("DELETE", bucket)
    case .getBucketLocation: return TableRequest("GET", bucket + "?location")
    case .getBucketVersioning: return TableRequest("GET", bucket + "?versioning")
    case .getBucketACL: return TableRequest("GET", bucket + "?acl")
    case .putBucketACL:
      return TableRequest(
        "PUT", bucket + "?acl", ["x-amz-acl: \(subject.bucket == "open" ? "public-read" : "private")"])
    case .getBucketTagging: return TableRequest("GET", bucket + "?tagging")
    case .putBucketTagging: return TableRequest("PUT", bucket + "?tagging", body: Self.tags)
    case .deleteBucketTagging: return TableRequest("DELETE", bucket + "?tagging")
    case .listObjects: return TableRequest("GET", bucket)
    case .listObjectsV2: return TableRequest("GET", bucket + "?list-type=2")
    case .deleteObjects:
      return TableRequest("POST", bucket + "?delete", body: "<Delete><Object><Key>nothing</Key></Object></Delete>")
    case .listMultipartUploads: return TableRequest("GET", bucket + "?uploads")
    case .putObject: return TableRequest("PUT", bucket + "/new", body: "x")
    case .copyObject: return TableRequest("PUT", bucket + "/copy", copy)
    case .getObject: return TableRequest("GET", bucket + "/object")
    case .headObject: return TableRequest("HEAD", bucket + "/object")
    case .deleteObject: return TableRequest("DELETE", bucket + "/nothing")
    case .getObjectAttributes:
      return TableRequest("GET", bucket + "/object?attributes", ["x-amz-object-attributes: ETag"])
    case .getObjectACL: return TableRequest("GET", bucket + "/object?acl")
    case .putObjectACL: return TableRequest("PUT", bucket + "/new?acl", ["x-amz-acl: private"])
    case .getObjectTagging: return TableRequest("GET", bucket + "/object?tagging")
    case .putObjectTagging: return TableRequest("PUT", bucket + "/object?tagging", body: Self.tags)
    case .deleteObjectTagging: return TableRequest("DELETE", bucket + "/object?tagging")
    case .createMultipartUpload: return TableRequest("POST", bucket + "/parts?uploads")
    case .uploadPart: return TableRequest("PUT", bucket + "/parts?partNumber=1&uploadId=\(upload)", body: "x")
    case .uploadPartCopy:
      return TableRequest("PUT", bucket + "/parts?partNumber=2&uploadId=\(uploads[subject.bucket] ?? "")", copy)
    case .completeMultipartUpload:
      let id = subject.source == nil ? Self.strangeUpload : upload
      let part = "<Part><PartNumber>1</PartNumber><ETag>9dd4e461268c8034f5c8564e155c67a6</ETag></Part>"
      return TableRequest(
        "POST", bucket + "/parts?uploadId=\(id)",
        body: "<CompleteMultipartUpload>\(part)</CompleteMultipartUpload>")
    case .abortMultipartUpload:
      let id = subject.source == nil ? Self.strangeUpload : upload
      return TableRequest("DELETE", bucket + "/parts?uploadId=\(id)")
    case .listParts: return TableRequest("GET", bucket + "/parts?uploadId=\(upload)")
    }
  }
}
