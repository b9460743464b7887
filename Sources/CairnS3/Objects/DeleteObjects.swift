internal import CairnHTTP
internal import CairnModel

extension S3API {
  /// As S3 has it.
  private static let deletionCountMax = 1000
  /// Each key may be as long as 1024 bytes, each byte six characters of XML.
  private static let deletionBytesMax = 8 << 20
  /// Deletions that are under way at once: they share the syncs of their disks.
  private static let deletionsAtOnce = 64

  private struct Deletion: Sendable {
    let key: String
    let versionID: String?
    let etag: String?
  }

  /// `POST /BUCKET?delete`: many objects, each with its own outcome.
  func deleteObjects(_ request: S3Request) async throws(S3Error) -> HTTPResponse {
    let bucket = try await authorizedBucket(request)
    guard let document = try await document(request, root: "Delete", limit: Self.deletionBytesMax) else {
      throw .malformedXML
    }
    let isQuiet = document["Quiet"]?.text.trimmed.lowercased() == "true"
    var deletions: [Deletion] = []
    for object in document.all("Object") {
      guard let key = object["Key"]?.text else { throw .malformedXML }
      deletions.append(
        Deletion(key: key, versionID: object["VersionId"]?.text.trimmed, etag: object["ETag"]?.text.trimmed))
    }
    guard (1...Self.deletionCountMax).contains(deletions.count) else { throw .malformedXML }
    let errors = await perform(deletions, in: bucket.name)
    var xml = XMLText()
    xml.document("DeleteResult") { xml in
      for (deletion, error) in zip(deletions, errors) {
        if let error {
          xml.element("Error") { xml in
            xml.element("Key", deletion.key)
            xml.element("VersionId", ifPresent: deletion.versionID)
            xml.element("Code", error.code.rawValue)
            xml.element("Message", error.message)
          }
        } else if !isQuiet {
          xml.element("Deleted") { xml in
            xml.element("Key", deletion.key)
            xml.element("VersionId", ifPresent: deletion.versionID)
          }
        }
      }
    }
    return answer(xml)
  }

  /// - Returns: what went wrong with each, nil for what didn't.
  private func perform(_ deletions: [Deletion], in bucket: BucketName) async -> [S3Error?] {
    var errors = [S3Error?](repeating: nil, count: deletions.count)
    await withTaskGroup(of: (Int, S3Error?).self) { group in
      for (index, deletion) in deletions.enumerated() {
        if index >= Self.deletionsAtOnce, let (done, error) = await group.next() { errors[done] = error }
        group.addTask { (index, await perform(deletion, in: bucket)) }
      }
      for await (done, error) in group { errors[done] = error }
    }
    return errors
  }

  private func perform(_ deletion: Deletion, in bucket: BucketName) async -> S3Error? {
    do throws(S3Error) {
      if let version = deletion.versionID, version != "null" { throw .notImplemented("VersionId") }
      let name = ObjectName(bucket: bucket, key: try S3Resource.key(deletion.key))
      try await delete(name, ifMatch: deletion.etag)
      return nil
    } catch {
      return error
    }
  }
}
