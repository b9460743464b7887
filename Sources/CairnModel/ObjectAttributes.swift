/// What is known of an object besides its name and place: kept in its head record and, the same, in the catalog.
package struct ObjectAttributes: Hashable, Sendable {
  /// Length of the object in bytes.
  package var size: UInt64
  package var contentType: String
  /// When this version of the object was stored.
  package var createdAt: Timestamp
  /// MD5 of all bytes, 16 bytes; the base of the ETag.
  package var md5: Digest
  /// SHA-256 of all bytes, 32 bytes.
  package var sha256: Digest
  /// Where the bytes are.
  package var layout: ObjectLayout
  /// The file name that the client gave, where it is not the key.
  package var originalFilename: String?
  package var metadata = ObjectMetadata()
  /// Fields that this version of Cairn doesn't know, kept as they were.
  package var unknown: [UnknownAttribute] = []

  package init(
    size: UInt64, contentType: String, createdAt: Timestamp, md5: Digest, sha256: Digest, layout: ObjectLayout,
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

  /// The entity tag, with its quotes: the MD5 of the bytes.
  package var etag: String { "\"\(md5.hexadecimal)\"" }
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
