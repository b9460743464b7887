internal import CairnHTTP
internal import CairnModel
internal import CairnObjects
internal import NIOHTTP1

extension S3API {
  private enum Directive: String {
    case copy = "COPY"
    case replace = "REPLACE"
  }

  /// `PUT /BUCKET/KEY` with `x-amz-copy-source`.
  func copyObject(_ request: S3Request) async throws(S3Error) -> HTTPResponse {
    let name = try request.object
    let result = try await writing(request) { _ throws(S3Error) in
      let metadata = try directive(request, "x-amz-metadata-directive")
      let tagging = try directive(request, "x-amz-tagging-directive")
      let algorithm = try ChecksumHeaders.copyAlgorithm(request.headers)
      let source = try await copySource(request)
      // Else a copy would show them.
      let copiesTags = tagging == .copy && !source.object.attributes.metadata.tags.isEmpty
      guard !copiesTags || mayReadTags(request, of: source) else { throw .accessDenied }
      let asked = try UploadDescription(request.headers)
      var description = metadata == .replace ? asked : UploadDescription(source.object.attributes)
      description.metadata.tags = (tagging == .replace ? asked : .init(source.object.attributes)).metadata.tags
      // Neither is copied.
      description.metadata.access = asked.metadata.access
      description.metadata.storageClass = asked.metadata.storageClass
      let conditions = try await WriteConditions(request, name, objects)
      do throws(ObjectError) {
        guard source.name == name else {
          if algorithm == nil || algorithm == source.object.attributes.checksum?.algorithm,
            let shared = try await objects.share(
              source.object, of: source.name, as: name, description, onConflict: conditions.rule)
          {
            return shared
          }
          return try await objects.copy(
            source.object, of: source.name, to: name, as: description, checksum: algorithm, onConflict: conditions.rule)
        }
        guard conditions.rule != .reject else { throw .conditionFailed(current: source.object) }
        var attributes = source.object.attributes
        attributes.contentType = description.contentType
        attributes.metadata = description.metadata
        attributes.createdAt = .now()
        let isNew = metadata == .replace || tagging == .replace || request.header("x-amz-storage-class") != nil
        guard isNew else { throw .body(Self.copyOntoItself) }
        return try await objects.rewrite(name, source.object, with: attributes)
      } catch {
        if source.name == name, conditions.rule == .overwrite, case .conditionFailed = error { throw .conflict }
        throw conditions.error(error)
      }
    }
    var xml = XMLText()
    xml.document("CopyObjectResult") { xml in
      xml.element("LastModified", result.object.attributes.createdAt.s3Text)
      xml.element("ETag", result.object.attributes.etag)
      xml.checksum(of: result.object.attributes)
    }
    return answer(xml)
  }

  private static let copyOntoItself = S3Error(
    .invalidRequest,
    "This copy request is illegal because it is trying to copy an object to itself without changing the object's "
      + "metadata, storage class, website redirect location or encryption attributes.")

  private func directive(_ request: S3Request, _ name: String) throws(S3Error) -> Directive {
    guard let text = request.header(name) else { return .copy }
    guard let directive = Directive(rawValue: text) else {
      throw .invalidArgument(name, text, "Unknown metadata directive.")
    }
    return directive
  }
}
