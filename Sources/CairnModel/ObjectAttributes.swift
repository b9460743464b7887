/// What is known of an object besides its name and place: kept in its head record and, the same, in the catalog.
package struct ObjectAttributes: Hashable, Sendable {
  /// Length of the object in bytes.
  package var size: UInt64
  package var contentType: String
  /// When this version of the object was stored.
  package var createdAt: Timestamp
  /// MD5 of all bytes, 16 bytes; nil where only its parts were hashed.
  package var md5: Digest?
  /// SHA-256 of all bytes, 32 bytes; nil where only its parts were hashed.
  package var sha256: Digest?
  /// Where the bytes are.
  package var layout: ObjectLayout
  /// The file name that the client gave, where it is not the key.
  @Sparse package var originalFilename: String?
  /// A checksum that its writer chose.
  @Sparse package var checksum: ObjectChecksum?
  /// How it was put together from parts that came one by one; nil for an object that came in one piece.
  @Sparse package var assembly: Assembly?
  /// Other objects may have the same chunks, so that they are no garbage when this one goes: the sweep for orphans
  /// finds out.
  package var sharesChunks = false
  @Sparse package var metadata: ObjectMetadata
  /// Fields that this version of Cairn doesn't know, kept as they were.
  package var unknown: [UnknownAttribute] = []

  package init(
    size: UInt64, contentType: String, createdAt: Timestamp, md5: Digest?, sha256: Digest?, layout: ObjectLayout,
    originalFilename: String? = nil, metadata: ObjectMetadata = ObjectMetadata()
  ) {
    self.size = size
    self.contentType = contentType
    self.createdAt = createdAt
    self.md5 = md5
    self.sha256 = sha256
    self.layout = layout
    self.originalFilename = originalFilename
    self.metadata = metadata
  }

  /// The entity tag, with its quotes: as in S3 the MD5 of the bytes, or the one of the parts' with their number.
  package var etag: String {
    if let assembly { return "\"\(assembly.digest.hexadecimal)-\(assembly.partCount)\"" }
    return "\"\((md5 ?? sha256)?.hexadecimal ?? "")\""
  }
}

/// How an object was put together from parts that came one by one.
package struct Assembly: Hashable, Sendable {
  /// MD5 of the MD5s of all parts.
  package var digest: Digest
  package var partCount: UInt32
  /// The upload that it was.
  package var upload: BlobID

  package init(digest: Digest, partCount: UInt32, upload: BlobID) {
    self.digest = digest
    self.partCount = partCount
    self.upload = upload
  }
}

/// Where the bytes of an object are.
package enum ObjectLayout: UInt8, Hashable, Sendable {
  /// The head record's payload is the object's bytes.
  case inline = 0
  /// The head record's payload is a ``Manifest`` of chunks.
  case manifest = 1
}

/// A field with a tag that only a newer version of Cairn knows.
package struct UnknownAttribute: Hashable, Sendable {
  package var tag: UInt8
  package var value: [UInt8]

  package init(tag: UInt8, value: [UInt8]) {
    self.tag = tag
    self.value = value
  }
}

/// The output of a hash function.
package struct Digest: Hashable, Sendable {
  package let bytes: [UInt8]

  package init(_ bytes: [UInt8]) {
    self.bytes = bytes
  }

  package init(_ bytes: UnsafeRawBufferPointer) {
    self.bytes = Array(bytes)
  }

  /// Lower-case hexadecimal digits, two a byte.
  package var hexadecimal: String { hexadecimalString(bytes) }
}

/// An object as the catalog knows it.
package struct StoredObject: Hashable, Sendable {
  /// The head record. Its blob id is the object's version: of two versions of a name the greater id is newer.
  package var head: BlobLocation
  package var attributes: ObjectAttributes

  package init(head: BlobLocation, attributes: ObjectAttributes) {
    self.head = head
    self.attributes = attributes
  }
}
