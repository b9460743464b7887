package import NIOCore

/// What a reader expects a record to be, so that a wrong reference is noticed instead of followed.
package enum ExpectedRecord: Hashable, Sendable {
  /// The head record of this object.
  case head(ObjectName)
  /// A piece of a large object. A chunk's record does not name its object: only its kind can be checked.
  case chunk

  /// Compares bytes in place, because every read of a small object comes here.
  package func matches(_ kind: Record.Kind, _ metadata: ByteBuffer) -> Bool {
    switch self {
    case .head(let name): kind == .head && HeadRecord.names(name, in: metadata)
    case .chunk: kind == .chunk
    }
  }

  /// What ``NodeProtocol/ownerHeader`` says of such a record.
  package var owner: RecordOwner {
    switch self {
    case .head(let name): RecordOwner(name)
    case .chunk: .chunk
    }
  }
}

/// Whose record it is, short enough for a header field.
package struct RecordOwner: Hashable, Sendable {
  package let text: String

  package static let chunk = RecordOwner(text: "chunk")
  private static let tombstone = RecordOwner(text: "tombstone")
  private static let unknown = RecordOwner(text: "unknown")

  private init(text: String) {
    self.text = text
  }

  /// The owner of a head record of this name: a checksum of the name, which is as good against damage as those of the
  /// records.
  package init(_ name: ObjectName) {
    var crc = CRC32C()
    crc.update(name)
    self.init(text: String(crc.value, radix: 16))
  }

  /// The owner of a record that was read.
  package init(_ kind: Record.Kind, _ metadata: ByteBuffer) {
    switch kind {
    case .head: self = (try? HeadRecord.name(in: metadata)).map { RecordOwner($0) } ?? .unknown
    case .chunk: self = .chunk
    case .tombstone: self = .tombstone
    }
  }
}

extension CRC32C {
  /// Takes in bucket and key.
  package mutating func update(_ name: ObjectName) {
    var (bucket, key) = (name.bucket.text, name.key.text)
    bucket.withUTF8 { update(UnsafeRawBufferPointer($0)) }
    // Neither of the two has a zero.
    withUnsafeBytes(of: UInt8(0)) { update($0) }
    key.withUTF8 { update(UnsafeRawBufferPointer($0)) }
  }
}
