internal import CairnHTTP
internal import CairnModel
internal import CairnObjects

/// The parts of an object, as GetObjectAttributes tells of them.
struct AttributeParts: Sendable {
  let count: Int
  let marker: Int
  let limit: Int
  let algorithm: ChecksumAlgorithm?
  /// Those behind the marker. S3 tells of them only where they have checksums.
  let rest: ArraySlice<Manifest.Part>

  func write(to xml: inout XMLText) {
    let page = rest.prefix(limit)
    xml.element("ObjectParts") { xml in
      xml.element("PartsCount", count)
      guard algorithm != nil else { return }
      xml.element("PartNumberMarker", marker)
      xml.element("NextPartNumberMarker", marker + page.count)
      xml.element("MaxParts", limit)
      xml.element("IsTruncated", page.count < rest.count)
      for (index, part) in page.enumerated() {
        xml.element("Part") { xml in
          xml.element("PartNumber", marker + index + 1)
          xml.element("Size", part.size)
          xml.checksum(part.checksum, algorithm)
        }
      }
    }
  }
}

extension S3API {
  private static let attributePartsMax = 1000

  /// - Returns: nil where the object did not come in parts.
  func attributeParts(
    _ request: S3Request, _ object: StoredObject, named name: ObjectName
  ) async throws(S3Error) -> AttributeParts? {
    guard object.attributes.assembly != nil else { return nil }
    let limit = try ListParameters.limit(
      request.header("x-amz-max-parts"), "x-amz-max-parts", most: Self.attributePartsMax)
    let marker = try ListParameters.number(request.header("x-amz-part-number-marker"), "x-amz-part-number-marker") ?? 0
    let manifest: Manifest
    do throws(ObjectError) { manifest = try await objects.manifest(of: object, named: name) } catch {
      throw S3Error(error)
    }
    return AttributeParts(
      count: manifest.parts.count, marker: marker, limit: limit,
      algorithm: object.attributes.checksum?.algorithm, rest: manifest.parts.dropFirst(marker))
  }
}
