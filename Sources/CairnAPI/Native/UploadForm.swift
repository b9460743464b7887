internal import CairnHTTP
internal import CairnModel
internal import CairnObjects
internal import NIOCore
internal import NIOHTTP1

extension NativeAPI {
  private static let fileField = "file"
  /// Files in one form.
  private static let filesMax = 1000
  /// Bytes of small files, which are not charged to the memory for uploads, that one form may hold until it is complete;
  /// further ones go to disk first.
  private static let stagedBytesMax = 1 << 20
  /// Bytes that boundaries, part headers and other fields may add to a form's files before it is refused unread.
  static let formOverheadMax: UInt64 = 1 << 20

  /// A file of a form that has arrived whole.
  struct StagedFile {
    var name: ObjectName
    var description: UploadDescription
    var object: StagedObject
  }

  /// What has come of a form.
  private struct StagedForm {
    var files: [StagedFile] = []
    var checked = CheckedFile()

    /// Its sender wants the MD5 compared. A hash alone says nothing of plain files.
    var isChecked: Bool { checked.isNamed && (checked.file != nil || files.isEmpty) }
    var objects: [StagedObject] { files.map(\.object) + (checked.file.map { [$0.object] } ?? []) }
  }

  /// `POST /upload`: a form with one or more fields `file`, or with a ``CheckedFile``. They are stored when the form has
  /// arrived whole.
  func upload(_ request: HTTPRequest, _ query: QueryParameters) async throws(APIError) -> HTTPResponse {
    let rule = try conflictRule(query)
    let replicas = try replicas(request)
    try refuseLarge(request, overhead: Self.formOverheadMax)
    let form: MultipartReader
    do throws(MultipartError) {
      form = try MultipartReader(request)
    } catch {
      throw APIError(readingBody: error)
    }
    var staged = StagedForm()
    do throws(APIError) {
      while let headers = try await nextPart(form) { try await take(headers, form, replicas, into: &staged) }
      if staged.isChecked {
        guard staged.files.isEmpty else {
          throw APIError(.badRequest, "A form has '\(Self.fileField)' or '\(CheckedFile.fileField)', not both")
        }
        return try await commit(&staged.checked, rule ?? .rename)
      }
      guard !staged.files.isEmpty else {
        throw APIError(.badRequest, "The form has no field '\(Self.fileField)' with a file")
      }
      return try await commit(&staged.files, rule ?? .overwrite)
    } catch {
      for object in staged.objects { objects.discard(object) }
      throw staged.isChecked ? error.told(as: .message) : error
    }
  }

  /// Reads a part, as far as somebody wants it.
  private func take(
    _ headers: MultipartParser.PartHeaders, _ form: MultipartReader, _ replicas: Int?, into staged: inout StagedForm
  ) async throws(APIError) {
    let disposition = try disposition(headers)
    if disposition.name == CheckedFile.fileField || disposition.name == CheckedFile.hashField {
      staged.checked.isNamed = true
    }
    switch disposition.name {
    case Self.fileField?:
      guard staged.files.count < Self.filesMax else {
        throw APIError(.badRequest, "The form has more than \(Self.filesMax) files")
      }
      if let file = try await stage(disposition, headers, form, replicas, &staged) { staged.files.append(file) }
    case CheckedFile.fileField?:
      guard let file = try await stage(disposition, headers, form, replicas, &staged) else { return }
      guard staged.checked.file == nil else {
        objects.discard(file.object)
        throw APIError(.badRequest, "The form has more than one field '\(CheckedFile.fileField)'")
      }
      staged.checked.file = file
    case CheckedFile.hashField?: staged.checked.hash = try await text(of: CheckedFile.hashField, form.nextBytes)
    default: break
    }
  }

  /// Refuses a body that is announced to be too large, before any of it is read.
  func refuseLarge(_ request: HTTPRequest, overhead: UInt64 = 0) throws(APIError) {
    let limit = objects.settings.objectSizeMax
    if let length = request.contentLength, length > limit, length - limit > overhead {
      throw APIError(.payloadTooLarge, "The request has \(length) bytes, at most \(limit) are allowed")
    }
  }

  private func nextPart(_ form: MultipartReader) async throws(APIError) -> MultipartParser.PartHeaders? {
    do { return try await form.nextPart() } catch { throw APIError(readingBody: error) }
  }

  private func disposition(_ headers: MultipartParser.PartHeaders) throws(APIError) -> ContentDisposition {
    do throws(ContentDisposition.Failure) {
      guard let header = headers["content-disposition"] else { throw .malformed }
      return try ContentDisposition(formData: header.readableBytesView)
    } catch {
      throw APIError(.badRequest, "The form is malformed: \(error)")
    }
  }

  /// Stages the file of a part.
  ///
  /// - Returns: nil for a part without a file: with an empty name and no bytes, as browsers send for an input that nobody
  ///   used.
  private func stage(
    _ disposition: ContentDisposition, _ headers: MultipartParser.PartHeaders, _ form: MultipartReader,
    _ replicas: Int?, _ staged: inout StagedForm
  ) async throws(APIError) -> StagedFile? {
    guard let filename = disposition.filename else {
      throw APIError(.badRequest, "The form's field '\(disposition.name ?? "")' has no file name")
    }
    if filename.isEmpty, try await isAtEnd(form) { return nil }
    let key: ObjectKey
    do throws(InvalidName) { key = try ObjectKey(filename) } catch { throw APIError(error) }
    let contentType = headers["content-type"].map { String(buffer: $0) }
    do throws(ObjectError) {
      try await unload(&staged, replicas)
      let held = staged.objects.reduce(0) { $0 + $1.memoryUsed }
      let body = BodySource(length: nil, next: { try await form.nextBytes() }, client: { form.budgetClient })
      return StagedFile(
        name: ObjectName(key: key),
        description: UploadDescription(contentType: mediaType(contentType), replicas: replicas),
        object: try await objects.stage(
          body, inlineMax: held < Self.stagedBytesMax ? .max : 0, replicas: replicas))
    } catch {
      throw APIError(error)
    }
  }

  /// Another file may have to wait for memory, so those before it must hold none.
  private func unload(_ staged: inout StagedForm, _ replicas: Int?) async throws(ObjectError) {
    for index in staged.files.indices { try await objects.unload(&staged.files[index].object, replicas: replicas) }
    if var file = staged.checked.file {
      do throws(ObjectError) { try await objects.unload(&file.object, replicas: replicas) } catch {
        staged.checked.file = file
        throw error
      }
      staged.checked.file = file
    }
  }

  /// Whether a part has no bytes.
  private func isAtEnd(_ form: MultipartReader) async throws(APIError) -> Bool {
    do { return try await form.nextBytes() == nil } catch { throw APIError(readingBody: error) }
  }

  /// - Parameter staged: the files that are left to be discarded when one can't be committed.
  private func commit(_ staged: inout [StagedFile], _ rule: ConflictRule) async throws(APIError) -> HTTPResponse {
    var results: [PutResult] = []
    while !staged.isEmpty {
      let file = staged.removeFirst()
      do throws(ObjectError) {
        results.append(
          try await objects.commit(file.object, as: file.name, file.description, onConflict: rule))
      } catch {
        throw APIError(error)
      }
    }
    return HTTPResponse(json: { json in
      json.member("message", results.count == 1 ? "File uploaded successfully" : "Files uploaded successfully")
      if let first = results.first {
        json.key("metadata")
        json.metadata(of: first)
      }
      if results.count > 1 {
        json.key("files")
        json.array(results) { $0.metadata(of: $1) }
      }
    })
  }

  /// A content type as it may stand in a header of an answer.
  func mediaType(_ header: String?) -> String {
    guard let header, !header.isEmpty, header.utf8.count <= 255, header.utf8.allSatisfy({ (0x20...0x7E).contains($0) })
    else { return "application/octet-stream" }
    return header
  }
}

extension JSONText {
  /// What an upload's answer tells of a stored file.
  mutating func metadata(of result: PutResult) {
    let attributes = result.object.attributes
    object { json in
      json.key("blob_id")
      json.string(result.object.head.blob)
      json.member("name", result.name.key.text)
      json.member("original_filename", attributes.originalFilename ?? result.name.key.text)
      json.member("content_type", attributes.contentType)
      json.member("size", attributes.size)
      json.member("checksum", hexadecimal: attributes.sha256?.bytes)
      json.member("md5", hexadecimal: attributes.md5?.bytes)
      json.key("stored_nodes")
      json.array { json in
        for node in result.nodes { json.string(node.bits) }
      }
      json.member(
        "created_at", HTTPDate.iso8601(nanosecondsSinceEpoch: attributes.createdAt.nanosecondsSinceEpoch))
      json.member("upload_status", result.isDegraded ? "degraded" : "completed")
    }
  }

  /// The same as ``BlobID/description``.
  private mutating func string(_ id: BlobID) {
    string(hexadecimal: (id.high, id.low))
  }
}
