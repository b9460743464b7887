internal import CairnHTTP
internal import CairnModel
internal import NIOHTTP1

/// A request whose sender and meaning are known.
struct S3Request: Sendable {
  let http: HTTPRequest
  let resource: S3Resource
  let operation: S3Operation
  let query: QueryParameters
  let identity: S3Identity

  var headers: HTTPHeaders { http.headers }

  /// The value of a header field; nil where it is missing.
  func header(_ name: String) -> String? { http.headers.first(name: name) }

  /// The object that the request is about. Only for operations on objects.
  var object: ObjectName {
    get throws(S3Error) {
      guard case .object(let name) = resource else { throw S3Error(.invalidRequest, "There is no key in the request") }
      return name
    }
  }

  /// The bucket that the request is about. Only for operations on buckets and objects.
  var bucket: BucketName {
    get throws(S3Error) {
      guard let name = resource.bucket else { throw S3Error(.invalidRequest, "There is no bucket in the request") }
      return name
    }
  }
}
