internal import CairnHTTP
internal import CairnModel
internal import CairnObjects

extension S3API {
  /// The bytes of the part that a read names by its number, and their checksum. An object that did not come in parts is
  /// the first one.
  ///
  /// - Throws: `InvalidPartNumber`, `InvalidRequest`.
  func requestedPart(
    _ request: S3Request, _ object: StoredObject, named name: ObjectName
  ) async throws(S3Error) -> (range: ByteRange, checksum: ObjectChecksum?) {
    let number = try partNumber(request)
    guard request.header("range") == nil else {
      throw S3Error(.invalidRequest, "Cannot specify both Range header and partNumber query parameter")
    }
    let attributes = object.attributes
    let count = Int(attributes.assembly?.partCount ?? 1)
    guard number <= count else {
      throw S3Error(
        .invalidPartNumber, "The requested partnumber is not satisfiable",
        details: [.init("PartNumberRequested", String(number)), .init("ActualPartCount", String(count))])
    }
    guard attributes.assembly != nil else {
      return (ByteRange(offset: 0, length: attributes.size), attributes.checksum)
    }
    let manifest: Manifest
    do throws(ObjectError) { manifest = try await objects.manifest(of: object, named: name) } catch {
      throw S3Error(error)
    }
    guard number <= manifest.parts.count else {
      throw S3Error(.internalError, "The object says that it has more parts than it has")
    }
    let offset = manifest.parts[..<(number - 1)].reduce(0) { $0 + $1.size }
    let part = manifest.parts[number - 1]
    let checksum = attributes.checksum.flatMap { whole in
      part.checksum.map { ObjectChecksum(algorithm: whole.algorithm, value: $0) }
    }
    return (ByteRange(offset: offset, length: part.size), checksum)
  }
}
