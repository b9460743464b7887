package import NIOHTTP1

/// The error codes of S3 that Cairn answers with, and their statuses.
///
/// - SeeAlso: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
package enum S3ErrorCode: String, Hashable, Sendable {
  case accessDenied = "AccessDenied"
  case authorizationHeaderMalformed = "AuthorizationHeaderMalformed"
  case authorizationQueryParametersError = "AuthorizationQueryParametersError"
  case badDigest = "BadDigest"
  case bucketAlreadyExists = "BucketAlreadyExists"
  case bucketAlreadyOwnedByYou = "BucketAlreadyOwnedByYou"
  case bucketNotEmpty = "BucketNotEmpty"
  case conditionalRequestConflict = "ConditionalRequestConflict"
  case entityTooLarge = "EntityTooLarge"
  case entityTooSmall = "EntityTooSmall"
  case illegalLocationConstraint = "IllegalLocationConstraintException"
  case incompleteBody = "IncompleteBody"
  case internalError = "InternalError"
  case invalidAccessKeyID = "InvalidAccessKeyId"
  case invalidArgument = "InvalidArgument"
  case invalidBucketName = "InvalidBucketName"
  case invalidDigest = "InvalidDigest"
  case invalidPart = "InvalidPart"
  case invalidPartNumber = "InvalidPartNumber"
  case invalidPartOrder = "InvalidPartOrder"
  case invalidRange = "InvalidRange"
  case invalidRequest = "InvalidRequest"
  case invalidStorageClass = "InvalidStorageClass"
  case invalidTag = "InvalidTag"
  case invalidToken = "InvalidToken"
  case invalidURI = "InvalidURI"
  case keyTooLong = "KeyTooLongError"
  case malformedACL = "MalformedACLError"
  case malformedTrailer = "MalformedTrailerError"
  case malformedXML = "MalformedXML"
  case metadataTooLarge = "MetadataTooLarge"
  case methodNotAllowed = "MethodNotAllowed"
  /// Not one of S3's.
  case misdirectedRequest = "MisdirectedRequest"
  case missingContentLength = "MissingContentLength"
  case missingSecurityHeader = "MissingSecurityHeader"
  case noSuchBucket = "NoSuchBucket"
  case noSuchKey = "NoSuchKey"
  case noSuchTagSet = "NoSuchTagSet"
  case noSuchUpload = "NoSuchUpload"
  case noSuchVersion = "NoSuchVersion"
  case notImplemented = "NotImplemented"
  case notModified = "NotModified"
  case operationAborted = "OperationAborted"
  case preconditionFailed = "PreconditionFailed"
  case requestTimeTooSkewed = "RequestTimeTooSkewed"
  case requestTimeout = "RequestTimeout"
  case serviceUnavailable = "ServiceUnavailable"
  case signatureDoesNotMatch = "SignatureDoesNotMatch"
  case slowDown = "SlowDown"
  case xAmzContentSHA256Mismatch = "XAmzContentSHA256Mismatch"

  package var status: HTTPResponseStatus {
    switch self {
    case .notModified: .notModified
    case .accessDenied, .invalidAccessKeyID, .requestTimeTooSkewed, .signatureDoesNotMatch: .forbidden
    case .noSuchBucket, .noSuchKey, .noSuchTagSet, .noSuchUpload, .noSuchVersion: .notFound
    case .methodNotAllowed: .methodNotAllowed
    case .bucketAlreadyExists, .bucketAlreadyOwnedByYou, .bucketNotEmpty, .conditionalRequestConflict,
      .operationAborted:
      .conflict
    case .misdirectedRequest: .misdirectedRequest
    case .missingContentLength: .lengthRequired
    case .preconditionFailed: .preconditionFailed
    case .invalidRange, .invalidPartNumber: .rangeNotSatisfiable
    case .internalError: .internalServerError
    case .notImplemented: .notImplemented
    case .serviceUnavailable, .slowDown: .serviceUnavailable
    case .authorizationHeaderMalformed, .authorizationQueryParametersError, .badDigest, .entityTooLarge,
      .entityTooSmall, .illegalLocationConstraint, .incompleteBody, .invalidArgument, .invalidBucketName,
      .invalidDigest, .invalidPart, .invalidPartOrder, .invalidRequest, .invalidStorageClass, .invalidTag,
      .invalidToken, .malformedTrailer,
      .invalidURI, .keyTooLong, .malformedACL, .malformedXML, .metadataTooLarge, .missingSecurityHeader,
      .requestTimeout, .xAmzContentSHA256Mismatch:
      .badRequest
    }
  }
}
