internal import CairnCatalog
internal import CairnHTTP
internal import CairnModel
internal import CairnObjects
internal import NIOHTTP1

extension S3API {
  /// Each of the parts is some hundred characters.
  private static let completionBytesMax = 8 << 20
  /// Bytes of every part but the last at least, as in S3.
  private static let partSizeMin: UInt64 = 5 << 20
  /// How often a completion looks again when parts are replaced under it.
  private static let attemptsMax = 8

  /// A part as the client lists it.
  private struct ListedPart: Sendable {
    let number: Int
    /// Without quotes.
    let etag: String
    let checksums: [ChecksumAlgorithm: String]

    init(_ element: XMLElement) throws(S3Error) {
      guard let number = element["PartNumber"].flatMap({ Int($0.text.trimmed) }), let etag = element["ETag"]?.text
      else {
        throw .malformedXML
      }
      self.number = number
      self.etag = etag.trimmed.filter { $0 != "\"" }.lowercased()
      var checksums: [ChecksumAlgorithm: String] = [:]
      for algorithm in ChecksumAlgorithm.allCases {
        checksums[algorithm] = element["Checksum\(algorithm.name)"]?.text.trimmed
      }
      self.checksums = checksums
    }
  }

  /// `POST /BUCKET/KEY?uploadId=ID`: no byte of the parts is looked at.
  func completeMultipartUpload(_ request: S3Request) async throws(S3Error) -> HTTPResponse {
    let name = try request.object
    let result = try await writing(request) { bucket throws(S3Error) in
      let id = try uploadID(request)
      guard
        let document = try await document(request, root: "CompleteMultipartUpload", limit: Self.completionBytesMax)
      else { throw .malformedXML }
      var listed: [ListedPart] = []
      for element in document.all("Part") { listed.append(try ListedPart(element)) }
      guard ObjectService.partNumbers.contains(listed.count) else { throw .malformedXML }
      guard zip(listed, listed.dropFirst()).allSatisfy({ $0.number < $1.number }) else {
        throw S3Error(
          .invalidPartOrder,
          "The list of parts was not in ascending order. The parts list must be specified in order by part number.")
      }
      do throws(S3Error) {
        return try await complete(request, listed, in: bucket)
      } catch {
        guard error.code == .noSuchUpload, let done = try await completed(id, name, listed) else { throw error }
        return done
      }
    }
    let attributes = result.object.attributes
    var xml = XMLText()
    xml.document("CompleteMultipartUploadResult") { xml in
      let host = request.header("host") ?? "localhost"
      xml.element("Location", "http://\(host)\(request.http.path)")
      xml.element("Bucket", name.bucket.text)
      xml.element("Key", name.key.text)
      xml.element("ETag", attributes.etag)
      xml.checksum(of: attributes)
    }
    return answer(xml)
  }

  private func complete(
    _ request: S3Request, _ listed: [ListedPart], in bucket: Bucket
  ) async throws(S3Error) -> PutResult {
    for _ in 0..<Self.attemptsMax {
      let upload = try await upload(request, in: bucket)
      let parts = try parts(listed, of: upload)
      let checksum = try checksum(request, upload, parts)
      let conditions = try await WriteConditions(request, upload.name, objects)
      do throws(ObjectError) {
        let done = try await objects.completeUpload(upload, of: parts, checksum: checksum, onConflict: conditions.rule)
        if let done { return done }
      } catch {
        throw conditions.error(error)
      }
    }
    throw .conflict
  }

  /// What an earlier request has made of the same parts.
  private func completed(
    _ id: BlobID, _ name: ObjectName, _ listed: [ListedPart]
  ) async throws(S3Error) -> PutResult? {
    let done: PutResult?
    do throws(ObjectError) { done = try await objects.completedUpload(id, name) } catch { throw S3Error(error) }
    guard let done, let assembly = done.object.attributes.assembly,
      assembly.partCount == UInt32(clamping: listed.count)
    else { return nil }
    let digests = listed.map { Digest(bytes(hexadecimal: $0.etag) ?? []) }
    return assembly.digest == ObjectService.digest(of: digests) ? done : nil
  }

  /// The parts that the client lists.
  ///
  /// - Throws: `InvalidPart`, `EntityTooSmall`.
  private func parts(_ listed: [ListedPart], of upload: PendingUpload) throws(S3Error) -> [UploadPart] {
    let stored = Dictionary(upload.parts.map { ($0.number, $0) }, uniquingKeysWith: { $1 })
    var parts: [UploadPart] = []
    for wanted in listed {
      guard let part = stored[wanted.number], part.md5.hexadecimal == wanted.etag,
        wanted.checksums.allSatisfy({ $0 != part.checksum?.algorithm || $1 == part.checksum?.value.base64 })
      else {
        throw S3Error(
          .invalidPart,
          "One or more of the specified parts could not be found. The part may not have been uploaded, or the specified "
            + "entity tag may not match the part's entity tag.",
          details: [
            .init("UploadId", upload.id.description), .init("PartNumber", String(wanted.number)),
            .init("ETag", wanted.etag),
          ])
      }
      parts.append(part)
    }
    for part in parts.dropLast() where part.size < Self.partSizeMin {
      throw S3Error(
        .entityTooSmall, "Your proposed upload is smaller than the minimum allowed size",
        details: [
          .init("ProposedSize", String(part.size)), .init("MinSizeAllowed", String(Self.partSizeMin)),
          .init("PartNumber", String(part.number)), .init("ETag", part.md5.hexadecimal),
        ])
    }
    return parts
  }

  /// The whole's checksum, as it follows from those of the parts.
  ///
  /// - Throws: `BadDigest` where the client says another one, `InvalidRequest`.
  private func checksum(
    _ request: S3Request, _ upload: PendingUpload, _ parts: [UploadPart]
  ) throws(S3Error) -> ObjectChecksum? {
    if let text = request.header("x-amz-mp-object-size") {
      let size = parts.reduce(0) { $0 + $1.size }
      guard UInt64(text) == size else {
        throw S3Error(
          .invalidRequest,
          "The provided 'x-amz-mp-object-size' header value \(text) does not match what was computed: \(size).")
      }
    }
    guard let asked = upload.checksum else { return nil }
    if let text = request.header(ChecksumHeaders.type), try ObjectChecksum.Kind(text) != asked.kind {
      throw S3Error(
        .invalidRequest,
        "The upload was created using the \(asked.kind.name) checksum mode. The complete request must use the same "
          + "checksum mode.")
    }
    let values = parts.compactMap { part in
      part.checksum.flatMap { $0.algorithm == asked.algorithm ? (value: $0.value, size: part.size) : nil }
    }
    guard values.count == parts.count else { return nil }
    let value =
      switch asked.kind {
      case .composite: ChecksumHasher.checksum(asked.algorithm, of: values.flatMap(\.value.bytes))
      case .fullObject: asked.algorithm.combine(values)
      }
    guard let value else { return nil }
    if asked.kind == .fullObject, let (algorithm, told) = try ChecksumHeaders.told(request.headers) {
      guard algorithm == asked.algorithm, told == value else { throw S3Error(.badDigest(algorithm)) }
    }
    return ObjectChecksum(algorithm: asked.algorithm, kind: asked.kind, value: value)
  }
}
