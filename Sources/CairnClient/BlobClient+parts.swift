internal import CairnHTTP
package import CairnModel
internal import Foundation
internal import NIOCore
internal import NIOHTTP1

/// What the server has of an upload in parts.
struct PartialUpload: Decodable {
  struct Part: Decodable {
    var number: Int
    var size: UInt64
    var sha256: String
  }

  var uploadId: String
  var parts: [Part]
}

extension BlobClient {
  /// How often an upload is started over that the server has forgotten in the middle.
  private static let beginningsMax = 3

  /// Stores a file under a name: a large one in parts, so that it goes on where it stood when it is interrupted, even by
  /// the end of this process.
  package func uploadFile(
    _ path: String, as name: ByteText, overwrite: Bool = true, contentType: String? = nil,
    transfer: ProgressMeter.Transfer? = nil
  ) async throws(ClientError) -> UploadedFile {
    let file = try PartedFile(path)
    guard file.size > partSize else {
      return try await upload(
        FileSource(path), as: name, overwrite: overwrite, contentType: contentType, transfer: transfer)
    }
    if !overwrite { try await refuseTaken(name) }
    let memory = UploadMemory(
      folder: memoryFolder,
      identity: [server.listen.description, server.path, name.string, file.identity, "\(partSize)"].joined(
        separator: "\n"))
    for _ in 0..<Self.beginningsMax {
      let known = try await resumed(memory, name)
      let upload = if let known { known } else { try await begin(name, contentType) }
      memory.remember(upload.uploadId)
      do throws(ClientError) {
        let stored = try await send(file, upload, as: name, overwrite, transfer)
        memory.forget()
        return stored
      } catch .notFound {
        memory.forget()
      } catch {
        if !error.isTransient { memory.forget() }
        throw error
      }
    }
    throw .busy("The server keeps forgetting the upload of \(Self.quoted(name))", retryAfter: nil)
  }

  private func refuseTaken(_ name: ByteText) async throws(ClientError) {
    do throws(ClientError) { _ = try await head(name) } catch .notFound { return }
    throw .refused("\(Self.quoted(name)) exists already: give another name, or leave out --no-overwrite")
  }

  private func begin(_ name: ByteText, _ contentType: String?) async throws(ClientError) -> PartialUpload {
    let answer = try await fetch(
      .POST, "/uploads?name=\(PercentCoding.encode(name.string))",
      headers: ["Content-Type": contentType ?? "application/octet-stream"], about: name)
    return try Self.decode(answer.body, server)
  }

  /// The upload that was begun before; nil where the server doesn't know it any more.
  private func resumed(_ memory: UploadMemory, _ name: ByteText) async throws(ClientError) -> PartialUpload? {
    guard let id = memory.upload else { return nil }
    do throws(ClientError) {
      return try Self.decode(try await fetch(.GET, "/uploads/\(id)", about: name).body, server)
    } catch .notFound {
      return nil
    }
  }

  /// Sends the parts that the server doesn't have, and has them made a file.
  private func send(
    _ file: PartedFile, _ upload: PartialUpload, as name: ByteText, _ overwrite: Bool,
    _ transfer: ProgressMeter.Transfer?
  ) async throws(ClientError) -> UploadedFile {
    let present = Dictionary(upload.parts.map { ($0.number, $0) }) { first, _ in first }
    var whole = TransferDigest()
    for (index, range) in file.parts(of: partSize).enumerated() {
      transfer?.restart(at: range.lowerBound)
      if let part = present[index + 1], part.size == UInt64(range.count) {
        let body = PartBody(file, range, after: whole, threads)
        try await body.readAll()
        if body.sha256 == part.sha256 {
          whole = body.whole
          continue
        }
      }
      let path = "/uploads/\(upload.uploadId)/\(index + 1)"
      whole = try await retry.retrying { () async throws(ClientError) in
        transfer?.restart(at: range.lowerBound)
        return try await put(PartBody(file, range, after: whole, threads), path, name, transfer)
      }
    }
    transfer?.restart(at: file.size)
    guard file.isUnchanged else {
      try? await abandon(upload)
      throw .changedWhileRead(file.path)
    }
    return try await complete(upload, whole.sums, size: file.size, as: name, overwrite)
  }

  private func put(
    _ body: PartBody, _ path: String, _ name: ByteText, _ transfer: ProgressMeter.Transfer?
  ) async throws(ClientError) -> TransferDigest {
    var request = server.request(.PUT, path)
    request.stream = stream(body.next, sha256: { body.sha256 }, transfer)
    let answer = try await answer(to: request)
    guard (200..<300).contains(answer.status.code) else {
      throw refusal(answer.status, answer.headers, answer.body, about: name)
    }
    let stored = try Self.decode(answer.body, server, as: PartialUpload.Part.self)
    guard stored.sha256 == body.sha256 else { throw .mismatch(Self.quoted(name)) }
    return body.whole
  }

  private func complete(
    _ upload: PartialUpload, _ sums: Checksums, size: UInt64, as name: ByteText, _ overwrite: Bool
  ) async throws(ClientError) -> UploadedFile {
    do throws(ClientError) {
      let answer = try await fetch(
        .POST, "/uploads/\(upload.uploadId)/complete" + (overwrite ? "" : "?on_conflict=reject"),
        headers: ReprDigest.fields(sums.sha256), about: name, isLong: true)
      let stored = try Self.uploaded(answer.body, server)
      guard stored.checksums.agree(with: sums), stored.size == size else {
        try await delete(stored.name, ifMatch: "\"\(stored.md5)\"")
        throw .mismatch(Self.quoted(name))
      }
      return stored
    } catch .notFound {
      // The answer of a try that worked may have been lost.
      let file = try await head(name)
      guard file.checksums.agree(with: sums), file.size == size else { throw .noSuchBlob(name) }
      return UploadedFile(
        blobId: "", name: name, size: size, checksum: sums.sha256 ?? "", md5: sums.md5 ?? "", storedNodes: [],
        uploadStatus: "completed")
    }
  }

  private func abandon(_ upload: PartialUpload) async throws(ClientError) {
    _ = try await fetch(.DELETE, "/uploads/\(upload.uploadId)", about: ByteText(upload.uploadId))
  }
}
