package import CairnModel

/// A file in a list.
package struct ListedFile: Codable, Hashable, Sendable {
  package var name: ByteText
  /// Bytes.
  package var size: UInt64
  /// With its quotes.
  package var etag: String
  package var contentType: String
  /// ISO 8601.
  package var lastModified: String
  package var blobId: String

  package var remote: RemoteFile {
    RemoteFile(
      name: name, size: size, checksums: Checksums(etag: etag, sha256: nil), contentType: contentType,
      lastModified: lastModified, etag: etag)
  }
}

/// What `GET /blobs` answers.
package struct ListedPage: Codable, Hashable, Sendable {
  package var blobs: [ListedFile]
  package var prefixes: [ByteText]
  /// Where the next page starts; nil on the last one.
  package var nextStartAfter: ByteText?

  /// A page to add others to.
  package static let empty = ListedPage(blobs: [], prefixes: [], nextStartAfter: nil)
}

/// What the server tells of a file that it has stored.
package struct UploadedFile: Codable, Hashable, Sendable {
  package var blobId: String
  package var name: ByteText
  /// Bytes.
  package var size: UInt64
  /// SHA-256.
  package var checksum: String
  package var md5: String
  package var storedNodes: [String]
  /// `completed`, or `degraded` while copies are missing.
  package var uploadStatus: String

  var checksums: Checksums { Checksums(md5: md5, sha256: checksum) }
}

struct UploadAnswer: Decodable {
  var metadata: UploadedFile
}

struct Refusal: Decodable {
  var detail: String
}

/// What `POST /store` takes.
package struct StoredText: Codable, Hashable, Sendable {
  package var key: String
  package var value: String
  package var filename: String
  package var `extension`: String
}

struct RetrievedText: Decodable {
  var value: String?
}
