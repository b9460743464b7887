internal import CairnCatalog
package import CairnHTTP
internal import CairnModel
package import CairnObjects
package import Logging
internal import NIOCore
package import NIOHTTP1

/// The S3 API: parses and renders; ``ObjectService`` does the work. Each operation has a file of its own.
package struct S3API: HTTPResponder {
  package struct Settings: Sendable {
    /// Of hosts whose first labels name a bucket (`S3_DOMAIN`); nil where buckets are only in paths.
    package var domain: String?
    /// What buckets say of where they are (`S3_REGION`).
    package var region: String
    /// Keeps web pages out where anybody may do everything; nil where that needs a key.
    package var browserGuard: BrowserGuard?

    package init(domain: String? = nil, region: String = "us-east-1", browserGuard: BrowserGuard? = nil) {
      self.domain = domain
      self.region = region
      self.browserGuard = browserGuard
    }
  }

  let settings: Settings
  let objects: ObjectService
  let buckets: BucketDirectory
  let authenticator: any S3Authenticator
  let logger: Logger

  /// - Parameter authenticator: decides who a request is from; there is no default, so that nobody serves strangers
  ///   without having said so.
  package init(
    settings: Settings, objects: ObjectService, buckets: BucketDirectory, authenticator: any S3Authenticator,
    logger: Logger
  ) {
    self.settings = settings
    self.objects = objects
    self.buckets = buckets
    self.authenticator = authenticator
    self.logger = logger
  }

  package func respond(to request: HTTPRequest) async -> HTTPResponse {
    var response: HTTPResponse
    do throws(S3Error) {
      response = try await answer(request)
      logger.debug(
        "request",
        metadata: [
          "request": "\(request.id)", "method": "\(request.method.rawValue)", "path": "\(request.path)",
          "status": "\(response.status.code)",
        ])
    } catch {
      logger.log(
        level: error.code.status.code >= 500 && error.code != .notImplemented ? .warning : .debug, "request refused",
        metadata: [
          "request": "\(request.id)", "method": "\(request.method.rawValue)", "path": "\(request.path)",
          "code": "\(error.code.rawValue)", "message": "\(error.message)",
        ])
      response = HTTPResponse(error, resource: request.path, requestID: request.id)
    }
    response.headers.add(name: "x-amz-request-id", value: request.id)
    return response
  }

  /// An error that is found before there is a request.
  package static func refusal(_ status: HTTPResponseStatus, _ message: String) -> HTTPResponse {
    let code: S3ErrorCode =
      switch status.code {
      case 405: .methodNotAllowed
      case 408: .requestTimeout
      case 503: .slowDown
      default: .invalidRequest
      }
    var response = HTTPResponse(S3Error(code, message), resource: "", requestID: "")
    response.status = status
    return response
  }

  private func answer(_ http: HTTPRequest) async throws(S3Error) -> HTTPResponse {
    let resource = try S3Resource(host: http.headers.first(name: "host"), path: http.path, domain: settings.domain)
    if case .health = resource, http.method == .GET || http.method == .HEAD {
      return HTTPResponse(.ok, headers: ["Content-Type": "text/plain"], body: .bytes(ByteBuffer(string: "healthy\n")))
    }
    guard let query = QueryParameters(http.query) else {
      throw S3Error(.invalidURI, "Couldn't parse the specified URI.")
    }
    let identity = try await authenticator.authenticate(http)
    // Whoever signs is no web page.
    if case .unrestricted = identity, let refusal = settings.browserGuard?.refusal(of: http) {
      throw S3Error(refusal)
    }
    let operation = try S3Operation(http.method, resource, query, http.headers)
    let request = S3Request(http: http, resource: resource, operation: operation, query: query, identity: identity)
    switch operation {
    case .listBuckets: return try await listBuckets(request)
    case .createBucket: return try await createBucket(request)
    case .headBucket: return try await headBucket(request)
    case .deleteBucket: return try await deleteBucket(request)
    case .getBucketLocation: return try await getBucketLocation(request)
    case .getBucketVersioning: return try await getBucketVersioning(request)
    case .getBucketACL: return try await getBucketACL(request)
    case .putBucketACL: return try await putBucketACL(request)
    case .getBucketTagging: return try await getBucketTagging(request)
    case .putBucketTagging: return try await putBucketTagging(request)
    case .deleteBucketTagging: return try await deleteBucketTagging(request)
    case .listObjects: return try await listObjects(request)
    case .listObjectsV2: return try await listObjectsV2(request)
    case .deleteObjects: return try await deleteObjects(request)
    case .putObject: return try await putObject(request)
    case .copyObject: return try await copyObject(request)
    case .getObject: return try await getObject(request)
    case .headObject: return try await headObject(request)
    case .deleteObject: return try await deleteObject(request)
    case .getObjectAttributes: return try await getObjectAttributes(request)
    case .getObjectACL: return try await getObjectACL(request)
    case .putObjectACL: return try await putObjectACL(request)
    case .getObjectTagging: return try await getObjectTagging(request)
    case .putObjectTagging: return try await putObjectTagging(request)
    case .deleteObjectTagging: return try await deleteObjectTagging(request)
    case .listMultipartUploads: return try await listMultipartUploads(request)
    case .createMultipartUpload: return try await createMultipartUpload(request)
    case .uploadPart: return try await uploadPart(request)
    case .uploadPartCopy: return try await uploadPartCopy(request)
    case .completeMultipartUpload: return try await completeMultipartUpload(request)
    case .abortMultipartUpload: return try await abortMultipartUpload(request)
    case .listParts: return try await listParts(request)
    }
  }
}
