internal import NIOHTTP1
internal import CairnHTTP
internal import CairnModel

extension S3API {
  private static let attributeNames: Set<String> = ["ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize"]

  /// `GET /BUCKET/KEY?attributes`.
  func getObjectAttributes(_ request: S3Request) async throws(S3Error) -> HTTPResponse {
    let found = try await authorizedObject(request)
    let attributes = found.object.attributes
    let wanted = Set(
      request.headers["x-amz-object-attributes"].flatMap { $0.split(separator: ",") }.map { String($0).trimmed })
    guard !wanted.isEmpty, wanted.isSubset(of: Self.attributeNames) else {
      throw .invalidArgument(
        "x-amz-object-attributes", wanted.sorted().joined(separator: ","), "Invalid attribute name specified.")
    }
    try checkConditions(request, attributes)
    let parts =
      wanted.contains("ObjectParts") ? try await attributeParts(request, found.object, named: found.name) : nil
    var xml = XMLText()
    xml.document("GetObjectAttributesResponse") { xml in
      if wanted.contains("ETag") { xml.element("ETag", String(attributes.etag.dropFirst().dropLast())) }
      if wanted.contains("Checksum"), attributes.checksum != nil {
        xml.element("Checksum") { $0.checksum(of: attributes) }
      }
      parts?.write(to: &xml)
      if wanted.contains("StorageClass") {
        xml.element("StorageClass", attributes.metadata.storageClass ?? StorageClass.standard)
      }
      if wanted.contains("ObjectSize") { xml.element("ObjectSize", attributes.size) }
    }
    return answer(xml, headers: ["Last-Modified": attributes.createdAt.headerText])
  }
}
