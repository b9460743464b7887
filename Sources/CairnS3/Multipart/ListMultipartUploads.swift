internal import CairnCatalog
internal import CairnHTTP
internal import CairnModel
internal import CairnObjects

extension S3API {
  private enum ListedUpload {
    case upload(PendingUpload)
    case prefix(String)
  }

  /// `GET /BUCKET?uploads`.
  func listMultipartUploads(_ request: S3Request) async throws(S3Error) -> HTTPResponse {
    let bucket = try await authorizedBucket(request)
    let parameters = try ListParameters(request.query)
    let limit = try ListParameters.limit(
      request.query["max-uploads"], "max-uploads", most: CatalogLimits.pageLengthMax)
    let keyMarker = request.query["key-marker"] ?? ""
    // Without a key the id means nothing.
    let idMarker = keyMarker.isEmpty ? "" : request.query["upload-id-marker"] ?? ""
    let after = idMarker.isEmpty ? nil : BlobID(idMarker)
    guard idMarker.isEmpty || after != nil else {
      throw .invalidArgument("upload-id-marker", idMarker, "Invalid uploadId marker")
    }
    let (found, isTruncated) = try await uploads(
      bucket.identity, parameters, limit: limit, after: keyMarker.isEmpty ? nil : (keyMarker, after))
    let owner = S3Owner(bucket)
    var xml = XMLText(capacity: 1024 + 512 * found.count)
    xml.document("ListMultipartUploadsResult") { xml in
      xml.element("Bucket", bucket.name.text)
      xml.element("KeyMarker", parameters.encoded(keyMarker))
      xml.element("UploadIdMarker", idMarker)
      if isTruncated {
        switch found.last {
        case .upload(let upload)?:
          xml.element("NextKeyMarker", parameters.encoded(upload.name.key.text))
          xml.element("NextUploadIdMarker", upload.id.description)
        case .prefix(let prefix)?: xml.element("NextKeyMarker", parameters.encoded(prefix))
        case nil: break
        }
      }
      xml.element("Prefix", parameters.encoded(parameters.prefix))
      if let delimiter = parameters.delimiter { xml.element("Delimiter", parameters.encoded(delimiter)) }
      if parameters.isEncoded { xml.element("EncodingType", "url") }
      xml.element("MaxUploads", limit)
      xml.element("IsTruncated", isTruncated)
      for case .upload(let upload) in found {
        xml.element("Upload") { xml in
          xml.element("Key", parameters.encoded(upload.name.key.text))
          xml.element("UploadId", upload.id.description)
          owner.write(to: &xml, as: "Initiator")
          owner.write(to: &xml)
          xml.element("StorageClass", upload.attributes.metadata.storageClass ?? StorageClass.standard)
          xml.element("Initiated", upload.attributes.createdAt.s3Text)
          if let checksum = upload.checksum {
            xml.element("ChecksumAlgorithm", checksum.algorithm.name)
            xml.element("ChecksumType", checksum.kind.name)
          }
        }
      }
      for case .prefix(let prefix) in found {
        xml.element("CommonPrefixes") { xml in xml.element("Prefix", parameters.encoded(prefix)) }
      }
    }
    return answer(xml)
  }

  /// A page of uploads and of common prefixes of their keys, and whether there are more.
  ///
  /// However many uploads a common prefix hides, the next one costs one request to the catalog.
  private func uploads(
    _ bucket: BucketIdentity, _ parameters: ListParameters, limit: Int, after marker: (key: String, upload: BlobID?)?
  ) async throws(S3Error) -> ([ListedUpload], isTruncated: Bool) {
    var range = UploadRange(bucket, prefix: parameters.prefix)
    if let marker {
      // A common prefix that ended a page hides all that start with it.
      let hidden = marker.upload == nil ? parameters.commonPrefix(of: marker.key) : nil
      range =
        hidden?.utf8.count == marker.key.utf8.count
        ? range.after(keysWith: marker.key, in: bucket) : range.after(marker.key, marker.upload, in: bucket)
    }
    var found: [ListedUpload] = []
    guard limit > 0 else { return ([], false) }
    while true {
      // One more than wanted, to know whether there are more.
      let wanted = limit - found.count + 1
      let page: [PendingUpload]
      do throws(ObjectError) { page = try await objects.uploads(range, limit: wanted) } catch { throw S3Error(error) }
      var hidden: String?
      for upload in page {
        if let hidden, upload.name.key.text.utf8.starts(with: hidden.utf8) { continue }
        guard found.count < limit else { return (found, true) }
        hidden = parameters.commonPrefix(of: upload.name.key.text)
        found.append(hidden.map { .prefix($0) } ?? .upload(upload))
      }
      guard page.count == wanted, let last = page.last else { return (found, false) }
      range = hidden.map { range.after(keysWith: $0, in: bucket) } ?? range.after(last)
    }
  }
}

extension ListParameters {
  /// The prefix, and what follows it up to the delimiter; nil where there is none.
  func commonPrefix(of key: String) -> String? {
    guard let delimiter, key.utf8.starts(with: prefix.utf8) else { return nil }
    let bytes = Array(key.utf8)
    let end = Array(delimiter.utf8)
    var start = prefix.utf8.count
    while start + end.count <= bytes.count {
      if bytes[start..<start + end.count].elementsEqual(end) {
        return String(decoding: bytes[..<(start + end.count)], as: UTF8.self)
      }
      start += 1
    }
    return nil
  }
}
