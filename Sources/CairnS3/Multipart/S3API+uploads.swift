internal import CairnCatalog
internal import CairnHTTP
internal import CairnModel
internal import CairnObjects

extension S3Error {
  static let noSuchUpload = S3Error(
    .noSuchUpload,
    "The specified multipart upload does not exist. The upload ID might be invalid, or the multipart upload might have "
      + "been aborted or completed.")
}

/// What the operations on an upload in parts have in common.
extension S3API {
  /// Bytes of a part at most, as in S3.
  static let partSizeMax: UInt64 = 5 << 30

  /// The id that a request names.
  ///
  /// - Throws: `NoSuchUpload`.
  func uploadID(_ request: S3Request) throws(S3Error) -> BlobID {
    guard let id = request.query["uploadId"].flatMap({ BlobID($0) }) else { throw .noSuchUpload }
    return id
  }

  /// The upload that a request is about, where it is one to the request's object.
  ///
  /// - Parameter bucket: the one that the request was authorized for.
  /// - Throws: `NoSuchUpload`.
  func upload(_ request: S3Request, in bucket: Bucket) async throws(S3Error) -> PendingUpload {
    let id = try uploadID(request)
    let upload: PendingUpload
    do throws(ObjectError) { upload = try await objects.upload(id, in: bucket.identity) } catch { throw S3Error(error) }
    guard try request.object == upload.name else { throw .noSuchUpload }
    return upload
  }

  /// - Throws: `InvalidArgument`.
  func partNumber(_ request: S3Request) throws(S3Error) -> Int {
    let text = request.query["partNumber"] ?? ""
    guard let number = Int(text), ObjectService.partNumbers.contains(number) else {
      throw .invalidArgument(
        "partNumber", text,
        "Part number must be an integer between \(ObjectService.partNumbers.lowerBound) and "
          + "\(ObjectService.partNumbers.upperBound), inclusive")
    }
    return number
  }
}

extension UploadPart {
  var etag: String { "\"\(md5.hexadecimal)\"" }

  /// When its bytes began to be stored.
  var lastModified: Timestamp {
    chunks.first?.location.blob.createdAt ?? Timestamp(nanosecondsSinceEpoch: 0)
  }
}
