package import CairnModel
internal import NIOCore

/// An upload in parts that is not complete yet.
package struct PendingUpload: Hashable, Sendable {
  /// Tells the time at which it was begun, too.
  package var id: BlobID
  /// What it will be stored as.
  package var name: ObjectName
  /// When the bucket was created that it was begun in: see ``bucket``.
  package var bucketCreatedAt = BucketIdentity.default.createdAt
  /// What the object will have, but for what the parts tell.
  package var attributes: ObjectAttributes
  /// Copies that it asks for; nil for the operator's factor.
  package var replicas: Int?
  /// The checksum that each part has, and how the whole's is made of them; nil for none.
  package var checksum: UploadChecksum?
  /// Nobody else may have it: an object is made of it, or it is given up. Or it is no upload at all, and only keeps
  /// chunks from being taken for orphans while they get into another object.
  package var isClaimed = false
  /// In order of their numbers.
  package var parts: [UploadPart] = []

  package init(id: BlobID, name: ObjectName, attributes: ObjectAttributes, replicas: Int?) {
    self.id = id
    self.name = name
    self.attributes = attributes
    self.replicas = replicas
  }

  /// The bucket that it was begun in. Only those who may write to this one may use it, not those who may write to a
  /// bucket that got the same name later.
  package var bucket: BucketIdentity { BucketIdentity(name.bucket, createdAt: bucketCreatedAt) }
}

package struct UploadChecksum: Hashable, Sendable {
  package var algorithm: ChecksumAlgorithm
  package var kind: ObjectChecksum.Kind

  package init(algorithm: ChecksumAlgorithm, kind: ObjectChecksum.Kind) {
    self.algorithm = algorithm
    self.kind = kind
  }
}

/// A part of an upload: its bytes are on nodes, and no object refers to them.
package struct UploadPart: Hashable, Sendable {
  /// Its place among the parts, which need not follow each other.
  package var number: Int
  /// Bytes.
  package var size: UInt64
  package var md5: Digest
  package var sha256: Digest
  /// By the algorithm of the upload.
  package var checksum: ObjectChecksum?
  package var chunks: [Manifest.Chunk]
  /// Some chunks have fewer replicas than they should have.
  package var isDegraded: Bool

  package init(
    number: Int, size: UInt64, md5: Digest, sha256: Digest, checksum: ObjectChecksum? = nil,
    chunks: [Manifest.Chunk], isDegraded: Bool
  ) {
    self.number = number
    self.size = size
    self.md5 = md5
    self.sha256 = sha256
    self.checksum = checksum
    self.chunks = chunks
    self.isDegraded = isDegraded
  }
}

/// Uploads in parts, until they are complete or forgotten.
package protocol UploadCatalog: Sendable {
  /// Remembers a new upload for `lifetime`; what is known of it goes by itself then. Its chunks are orphans from then
  /// on.
  func add(_ upload: PendingUpload, lifetime: Duration) async throws(CatalogError)

  /// Also one that is claimed; nil where there is none, or no longer.
  func upload(_ id: BlobID) async throws(CatalogError) -> PendingUpload?

  /// Adds a part, in the place of one of the same number, whose chunks are orphans then: as this need not be durable,
  /// they are not known to be garbage.
  ///
  /// - Returns: false where there is no such upload, or no longer, or it is claimed.
  func put(_ part: UploadPart, of id: BlobID) async throws(CatalogError) -> Bool

  /// Hands an upload over: of several callers one gets it. Only then may its chunks be given to an object, or become
  /// garbage. Durable when it returns.
  ///
  /// It is in no list any more, but it stays known to those who look for orphans, until it is forgotten.
  ///
  /// - Parameter lifetime: for so long it stays known at least.
  func claim(_ id: BlobID, lifetime: Duration) async throws(CatalogError) -> PendingUpload?

  /// Undoes a claim: no object was made of the upload after all.
  func release(_ id: BlobID) async throws(CatalogError)

  /// Removes what is known of an upload. Its chunks belong to an object now, or are garbage.
  func forget(_ id: BlobID) async throws(CatalogError)

  /// Uploads in order of bucket, the bucket's creation, key and id, without their parts; those that ended are left out. O(limit).
  ///
  /// - Parameter limit: fewer come only where there are no more.
  func uploads(_ range: UploadRange, limit: Int) async throws(CatalogError) -> [PendingUpload]
}

// MARK: As catalogs keep them: format version, then fields.

extension PendingUpload {
  private static let formatVersion: UInt8 = 1
  private static let what = "upload"
  private static let bucketTag: UInt8 = 1
  private static let keyTag: UInt8 = 2
  private static let contentTypeTag: UInt8 = 3
  private static let replicasTag: UInt8 = 4
  private static let attributesTag: UInt8 = 5
  private static let checksumTag: UInt8 = 6
  private static let bucketCreatedAtTag: UInt8 = 7

  /// Without its parts.
  func encoded() -> ByteBuffer {
    var attributes = FieldWriter(capacity: 128)
    self.attributes.write(to: &attributes)
    var writer = FieldWriter(capacity: 64 + name.key.text.utf8.count + attributes.bytes.count)
    writer.write(Self.formatVersion)
    writer.field(Self.bucketTag, name.bucket.text)
    writer.field(Self.keyTag, name.key.text)
    writer.field(Self.attributesTag, attributes.bytes)
    writer.field(Self.bucketCreatedAtTag, bucketCreatedAt.nanosecondsSinceEpoch)
    if let replicas { writer.field(Self.replicasTag, UInt64(replicas)) }
    if let checksum { writer.field(Self.checksumTag, [checksum.algorithm.rawValue, checksum.kind.rawValue]) }
    return writer.buffer
  }

  init(id: BlobID, decoding buffer: ByteBuffer) throws(FormatError) {
    var buffer = buffer
    try buffer.readVersion(of: Self.what, upTo: Self.formatVersion)
    var texts: [UInt8: String] = [:]
    var replicas: Int?
    var attributes: ObjectAttributes?
    var checksum: UploadChecksum?
    var bucketCreatedAt = BucketIdentity.default.createdAt
    while let field = try buffer.readField(of: Self.what) {
      switch field.tag {
      case Self.attributesTag:
        var value = field.value
        attributes = try ObjectAttributes(from: &value)
      case Self.checksumTag:
        var value = field.value
        guard let algorithm = value.readInteger(as: UInt8.self).flatMap(ChecksumAlgorithm.init),
          let kind = value.readInteger(as: UInt8.self).flatMap(ObjectChecksum.Kind.init)
        else { throw .badField(what: Self.what, tag: field.tag) }
        checksum = UploadChecksum(algorithm: algorithm, kind: kind)
      case Self.bucketTag, Self.keyTag, Self.contentTypeTag:
        guard let text = field.value.validatedString else { throw .badField(what: Self.what, tag: field.tag) }
        texts[field.tag] = text
      case Self.bucketCreatedAtTag:
        bucketCreatedAt = Timestamp(nanosecondsSinceEpoch: try field.value.integer(of: Self.what, field.tag))
      case Self.replicasTag: replicas = Int(clamping: try field.value.integer(of: Self.what, field.tag))
      default: break
      }
    }
    guard let bucket = texts[Self.bucketTag], let key = texts[Self.keyTag] else { throw .truncated(what: Self.what) }
    do throws(InvalidName) {
      self.init(
        id: id, name: ObjectName(bucket: try BucketName(bucket), key: try ObjectKey(key)),
        attributes: attributes ?? .ofUpload(texts[Self.contentTypeTag] ?? "application/octet-stream", id),
        replicas: replicas)
      self.checksum = checksum
      self.bucketCreatedAt = bucketCreatedAt
    } catch {
      throw .badField(what: Self.what, tag: Self.keyTag)
    }
  }
}

extension ObjectAttributes {
  /// Of an object that will be made of parts.
  package static func ofUpload(_ contentType: String, _ id: BlobID) -> ObjectAttributes {
    var attributes = ObjectAttributes(
      size: 0, contentType: contentType, createdAt: id.createdAt, md5: nil, sha256: nil, layout: .manifest)
    attributes.assembly = Assembly(digest: Digest([UInt8](repeating: 0, count: 16)), partCount: 0, upload: id)
    return attributes
  }
}

extension UploadPart {
  private static let formatVersion: UInt8 = 1
  private static let what = "part of an upload"
  private static let sizeTag: UInt8 = 1
  private static let md5Tag: UInt8 = 2
  private static let sha256Tag: UInt8 = 3
  private static let chunksTag: UInt8 = 4
  private static let degradedTag: UInt8 = 5
  private static let checksumTag: UInt8 = 6

  /// Without its number.
  func encoded() -> ByteBuffer {
    let manifest = Array(Manifest(chunks: chunks).encoded().readableBytesView)
    var writer = FieldWriter(capacity: 96 + manifest.count)
    writer.write(Self.formatVersion)
    writer.field(Self.sizeTag, size)
    writer.field(Self.md5Tag, md5.bytes)
    writer.field(Self.sha256Tag, sha256.bytes)
    writer.field(Self.chunksTag, manifest)
    if let checksum { writer.field(Self.checksumTag, checksum.encoded) }
    if isDegraded { writer.field(Self.degradedTag, 1 as UInt64) }
    return writer.buffer
  }

  init(number: Int, decoding buffer: ByteBuffer) throws(FormatError) {
    var buffer = buffer
    try buffer.readVersion(of: Self.what, upTo: Self.formatVersion)
    self.init(
      number: number, size: 0, md5: Digest([UInt8]()), sha256: Digest([UInt8]()), chunks: [], isDegraded: false)
    while let field = try buffer.readField(of: Self.what) {
      switch field.tag {
      case Self.sizeTag:
        size = try field.value.integer(of: Self.what, field.tag)
        guard size <= Limits.storedSizeMax else { throw .badField(what: Self.what, tag: field.tag) }
      case Self.md5Tag: md5 = Digest(Array(field.value.readableBytesView))
      case Self.sha256Tag: sha256 = Digest(Array(field.value.readableBytesView))
      case Self.chunksTag: chunks = try Manifest(decoding: field.value).chunks
      case Self.degradedTag: isDegraded = true
      case Self.checksumTag:
        checksum = ObjectChecksum(encoded: field.value)
        guard checksum != nil else { throw .badField(what: Self.what, tag: field.tag) }
      default: break
      }
    }
  }
}

extension ByteBuffer {
  fileprivate mutating func readVersion(of what: String, upTo supported: UInt8) throws(FormatError) {
    guard let version = readInteger(as: UInt8.self) else { throw .truncated(what: what) }
    guard version <= supported else { throw .newerVersion(what: what, found: version, supported: supported) }
  }

  fileprivate func integer(of what: String, _ tag: UInt8) throws(FormatError) -> UInt64 {
    guard let value = getInteger(at: readerIndex, endianness: .little, as: UInt64.self) else {
      throw .badField(what: what, tag: tag)
    }
    return value
  }
}
