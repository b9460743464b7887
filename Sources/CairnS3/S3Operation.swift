/// What a request asks for, by its name in S3's reference. One file implements each.
package enum S3Operation: String, Hashable, Sendable, CaseIterable {
  case listBuckets = "ListBuckets"

  case createBucket = "CreateBucket"
  case headBucket = "HeadBucket"
  case deleteBucket = "DeleteBucket"
  case getBucketLocation = "GetBucketLocation"
  case getBucketVersioning = "GetBucketVersioning"
  case getBucketACL = "GetBucketAcl"
  case putBucketACL = "PutBucketAcl"
  case getBucketTagging = "GetBucketTagging"
  case putBucketTagging = "PutBucketTagging"
  case deleteBucketTagging = "DeleteBucketTagging"
  case listObjects = "ListObjects"
  case listObjectsV2 = "ListObjectsV2"
  case deleteObjects = "DeleteObjects"
  case listMultipartUploads = "ListMultipartUploads"

  case putObject = "PutObject"
  case copyObject = "CopyObject"
  case getObject = "GetObject"
  case headObject = "HeadObject"
  case deleteObject = "DeleteObject"
  case getObjectAttributes = "GetObjectAttributes"
  case getObjectACL = "GetObjectAcl"
  case putObjectACL = "PutObjectAcl"
  case getObjectTagging = "GetObjectTagging"
  case putObjectTagging = "PutObjectTagging"
  case deleteObjectTagging = "DeleteObjectTagging"

  case createMultipartUpload = "CreateMultipartUpload"
  case uploadPart = "UploadPart"
  case uploadPartCopy = "UploadPartCopy"
  case completeMultipartUpload = "CompleteMultipartUpload"
  case abortMultipartUpload = "AbortMultipartUpload"
  case listParts = "ListParts"

  /// What it does, as far as it matters for who may. Operations that read another object ask for that besides.
  var action: S3Action {
    switch self {
    case .listBuckets: .listBuckets
    case .createBucket: .createBucket
    case .headBucket, .getBucketLocation, .getBucketVersioning, .listObjects, .listObjectsV2, .listMultipartUploads:
      .listObjects
    case .deleteBucket, .getBucketACL, .putBucketACL, .getBucketTagging, .putBucketTagging, .deleteBucketTagging,
      .getObjectACL, .putObjectACL:
      .ownBucket
    case .getObject, .headObject, .getObjectAttributes: .readObject
    case .getObjectTagging: .readTags
    case .deleteObjects, .putObject, .copyObject, .deleteObject, .putObjectTagging, .deleteObjectTagging,
      .createMultipartUpload, .uploadPart, .uploadPartCopy, .completeMultipartUpload, .abortMultipartUpload,
      .listParts:
      .writeObject
    }
  }
}
