#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif
package import NIOCore

/// What a head record says of its object, so that the catalog can be rebuilt from the disks.
package struct HeadRecord: Hashable, Sendable {
  package var name: ObjectName
  package var attributes: ObjectAttributes
  /// What had to be true for the write. The record is written before that is known: whoever rebuilds the catalog has
  /// to ask again, or a refused write would come to life.
  package var condition: WriteCondition

  package init(name: ObjectName, attributes: ObjectAttributes, condition: WriteCondition = .always) {
    self.name = name
    self.attributes = attributes
    self.condition = condition
  }

  /// A version to be compared with, or nothing for a name that had to be free.
  private static let conditionTag: UInt8 = 0xF2

  /// The metadata of the record.
  package func metadata() -> ByteBuffer {
    var writer = FieldWriter(capacity: 256 + name.key.text.utf8.count)
    writer.write(name)
    switch condition {
    case .always: break
    case .absent: writer.field(Self.conditionTag, [UInt8]())
    case .version(let version): writer.field(Self.conditionTag, version)
    }
    attributes.write(to: &writer)
    return writer.buffer
  }

  /// Whether the write had a condition, without reading the attributes: ``metadata()`` puts them last. False where the
  /// metadata can't be read.
  package static func isConditional(metadata: ByteBuffer) -> Bool {
    var buffer = metadata
    while let field = try? buffer.readField(of: "head record") {
      switch field.tag {
      case NameFields.bucketTag, NameFields.keyTag: continue
      case conditionTag: return true
      default: return false
      }
    }
    return false
  }

  /// Reads what ``metadata()`` made.
  package init(metadata: ByteBuffer) throws(FormatError) {
    var buffer = metadata
    var fields = NameFields()
    var condition = WriteCondition.always
    attributes = try ObjectAttributes(from: &buffer) { (tag, value) throws(FormatError) in
      guard tag == Self.conditionTag else { return try fields.take(tag, value) }
      var value = value
      condition = value.readBlobID().map { .version($0) } ?? .absent
    }
    self.condition = condition
    name = try fields.name()
  }
}

extension HeadRecord {
  /// The name in a head record's metadata. What ``metadata()`` makes begins with it, so that nothing else is decoded.
  package static func name(in metadata: ByteBuffer) throws(FormatError) -> ObjectName {
    var buffer = metadata
    var fields = NameFields()
    while !fields.isComplete, let (tag, value) = try buffer.readField(of: "head record") { try fields.take(tag, value) }
    return try fields.name()
  }

  /// Whether the metadata of a head record is of this name.
  static func names(_ name: ObjectName, in metadata: ByteBuffer) -> Bool {
    let isFirst = metadata.withUnsafeReadableBytes { bytes in
      guard let rest = NameFields.skip(NameFields.bucketTag, name.bucket.text, in: bytes) else { return false }
      return NameFields.skip(NameFields.keyTag, name.key.text, in: rest) != nil
    }
    // Another version may write its fields in another order.
    return isFirst || (try? Self.name(in: metadata)) == name
  }
}

/// Says that a name was deleted, that blobs are garbage, that conditional writes took effect, or several of these.
package struct Tombstone: Hashable, Sendable {
  /// A name whose versions up to and including one are gone.
  package struct DeletedObject: Hashable, Sendable {
    package var name: ObjectName
    /// The newest version that is gone.
    package var upTo: BlobID

    package init(name: ObjectName, upTo: BlobID) {
      self.name = name
      self.upTo = upTo
    }
  }

  package var object: DeletedObject?
  /// Blobs that nothing refers to any more.
  package var garbage: [BlobLocation]
  /// Versions whose condition held when they were committed. It can't be judged any more when the version that they
  /// replaced is gone.
  package var committed: [BlobID]

  package init(object: DeletedObject? = nil, garbage: [BlobLocation] = [], committed: [BlobID] = []) {
    self.object = object
    self.garbage = garbage
    self.committed = committed
  }

  private static let upToTag: UInt8 = 1
  private static let garbageTag: UInt8 = 2
  private static let committedTag: UInt8 = 3
  private static let what = "tombstone"

  /// The metadata of the record. Its payload is empty.
  package func metadata() -> ByteBuffer {
    var writer = FieldWriter(capacity: 64 + garbage.count * 24 + committed.count * 16)
    if let object {
      writer.write(object.name)
      writer.field(Self.upToTag, object.upTo)
    }
    if !garbage.isEmpty { writer.field(Self.garbageTag, garbage) }
    if !committed.isEmpty { writer.field(Self.committedTag, committed) }
    return writer.buffer
  }

  /// Reads what ``metadata()`` made.
  package init(metadata: ByteBuffer) throws(FormatError) {
    var buffer = metadata
    var fields = NameFields()
    var upTo: BlobID?
    garbage = []
    committed = []
    while let field = try buffer.readField(of: Self.what) {
      let tag = field.tag
      var value = field.value
      switch tag {
      case Self.upToTag:
        upTo = value.readBlobID()
        guard upTo != nil else { throw .badField(what: Self.what, tag: tag) }
      case Self.garbageTag:
        while let location = value.readLocation() { garbage.append(location) }
        guard value.readableBytes == 0 else { throw .badField(what: Self.what, tag: tag) }
      case Self.committedTag:
        while let version = value.readBlobID() { committed.append(version) }
        guard value.readableBytes == 0 else { throw .badField(what: Self.what, tag: tag) }
      default:
        try fields.take(tag, value)
      }
    }
    if let upTo {
      object = DeletedObject(name: try fields.name(), upTo: upTo)
    }
  }
}

/// The fields by which a record names its object.
private struct NameFields {
  static let bucketTag: UInt8 = 0xF0
  static let keyTag: UInt8 = 0xF1

  private static let fieldHeaderLength = 5

  private var bucket: BucketName?
  private var key: ObjectKey?

  var isComplete: Bool { bucket != nil && key != nil }

  /// What follows a field with this text at the start of `bytes`; nil where something else is there.
  static func skip(_ tag: UInt8, _ text: String, in bytes: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer? {
    var text = text
    return text.withUTF8 { text in
      let length = fieldHeaderLength + text.count
      guard bytes.count >= length, bytes[0] == tag,
        UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 1, as: UInt32.self)) == UInt32(text.count),
        let found = bytes.baseAddress, let wanted = text.baseAddress,
        memcmp(found + fieldHeaderLength, wanted, text.count) == 0
      else { return nil }
      return UnsafeRawBufferPointer(rebasing: bytes[length...])
    }
  }

  mutating func take(_ tag: UInt8, _ value: ByteBuffer) throws(FormatError) {
    switch tag {
    case Self.bucketTag:
      bucket = value.validatedString.flatMap { try? BucketName(stored: $0) }
      guard bucket != nil else { throw .badField(what: "object name", tag: tag) }
    case Self.keyTag:
      key = try? ObjectKey(utf8: value.readableBytesView)
      guard key != nil else { throw .badField(what: "object name", tag: tag) }
    default: break
    }
  }

  func name() throws(FormatError) -> ObjectName {
    guard let bucket else { throw .missingField(what: "object name", name: "bucket") }
    guard let key else { throw .missingField(what: "object name", name: "key") }
    return ObjectName(bucket: bucket, key: key)
  }
}

extension FieldWriter {
  fileprivate mutating func write(_ name: ObjectName) {
    field(NameFields.bucketTag, name.bucket.text)
    field(NameFields.keyTag, name.key.text)
  }
}

extension EncodedRecord {
  /// The record of a tombstone.
  ///
  /// - Throws: ``FormatError`` where it names more than a record may hold.
  package init(_ tombstone: Tombstone, id: BlobID, at time: Timestamp = .now()) throws(FormatError) {
    try self.init(
      Record(kind: .tombstone, blob: id, timestamp: time, metadata: tombstone.metadata(), payload: ByteBuffer()))
  }
}
