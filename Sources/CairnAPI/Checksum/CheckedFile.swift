internal import CairnHTTP
internal import CairnModel
internal import CairnObjects
internal import NIOHTTP1

/// The fields of a form whose sender says what the MD5 of its file is. They may come in either order.
struct CheckedFile {
  static let fileField = "input_file"
  static let hashField = "file_hash"
  private static let md5Length = 16

  /// One of the fields has begun.
  var isNamed = false
  var file: NativeAPI.StagedFile?
  /// Hexadecimal digits.
  var hash: String?

  /// The file, when its bytes are those that were sent.
  func verified() throws(APIError) -> NativeAPI.StagedFile {
    guard let file else {
      throw APIError(.badRequest, "The form has no field '\(Self.fileField)' with a file")
    }
    guard let hash else {
      throw APIError(.badRequest, "The form has no field '\(Self.hashField)' with the file's MD5")
    }
    guard let expected = bytes(hexadecimal: hash), expected.count == Self.md5Length else {
      throw APIError(.badRequest, "\(Self.hashField) is '\(hash)': it must be an MD5, 32 hexadecimal digits")
    }
    guard file.object.md5.bytes == expected else {
      throw APIError(
        .badRequest,
        "The file's MD5 is \(file.object.md5.hexadecimal), not the given \(hash): nothing was saved")
    }
    return file
  }
}

extension NativeAPI {
  /// `POST /upload` with `input_file` and `file_hash`.
  ///
  /// - Parameter checked: its file is left to be discarded when it is not committed.
  func commit(_ checked: inout CheckedFile, _ rule: ConflictRule) async throws(APIError) -> HTTPResponse {
    let file = try checked.verified()
    let result: PutResult
    do throws(ObjectError) {
      checked.file = nil
      result = try await objects.commit(file.object, as: file.name, file.description, onConflict: rule)
    } catch {
      throw APIError(error).told(as: .message)
    }
    return HTTPResponse(json: { json in
      json.member("message", "File \(result.name.key.text) saved successfully.")
      json.member("name", result.name.key.text)
      json.member("blob_id", result.object.head.blob.description)
    })
  }
}
