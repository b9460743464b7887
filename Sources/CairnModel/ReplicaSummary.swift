package import NIOCore

/// A replica of a volume, as the node that holds it reports it.
package struct ReplicaSummary: Hashable, Sendable {
  package var id: VolumeID
  package var state: Volume.State
  /// Writing or syncing failed: it takes no more records, although the catalog may still think so.
  package var isFailed: Bool
  /// Bytes of the log file.
  package var logBytes: UInt64
  /// Bytes of the records that something may refer to.
  package var liveBytes: UInt64
  /// Bytes that compaction would give back.
  package var garbageBytes: UInt64
  /// Heads and chunks that something may refer to.
  package var blobCount: UInt64
  /// Where who follows the log goes on. Never moves back.
  package var durableEnd: UInt64
  /// Blobs that are known to be damaged, and damaged ranges of which no one knows whose they were.
  package var damagedCount: UInt64

  package init(
    id: VolumeID, state: Volume.State, isFailed: Bool, logBytes: UInt64, liveBytes: UInt64, garbageBytes: UInt64,
    blobCount: UInt64, durableEnd: UInt64, damagedCount: UInt64
  ) {
    self.id = id
    self.state = state
    self.isFailed = isFailed
    self.logBytes = logBytes
    self.liveBytes = liveBytes
    self.garbageBytes = garbageBytes
    self.blobCount = blobCount
    self.durableEnd = durableEnd
    self.damagedCount = damagedCount
  }
}

/// As nodes tell it: fields, those that a reader doesn't know are passed over.
extension ReplicaSummary {
  private static let what = "replica summary"

  private enum Tag: UInt8 {
    case id = 1
    case state = 2
    case isFailed = 3
    case logBytes = 4
    case liveBytes = 5
    case garbageBytes = 6
    case blobCount = 7
    case durableEnd = 8
    case damagedCount = 9
  }

  package func encoded() -> [UInt8] {
    var writer = FieldWriter(capacity: 9 * 13)
    writer.field(Tag.id.rawValue, id.rawValue)
    writer.field(Tag.state.rawValue, UInt64(state.rawValue))
    writer.field(Tag.isFailed.rawValue, isFailed ? 1 : 0)
    writer.field(Tag.logBytes.rawValue, logBytes)
    writer.field(Tag.liveBytes.rawValue, liveBytes)
    writer.field(Tag.garbageBytes.rawValue, garbageBytes)
    writer.field(Tag.blobCount.rawValue, blobCount)
    writer.field(Tag.durableEnd.rawValue, durableEnd)
    writer.field(Tag.damagedCount.rawValue, damagedCount)
    return writer.bytes
  }

  package init(decoding bytes: ByteBuffer) throws(FormatError) {
    var bytes = bytes
    var numbers: [Tag: UInt64] = [:]
    while var field = try bytes.readField(of: Self.what) {
      guard let tag = Tag(rawValue: field.tag) else { continue }
      guard let number = field.value.readInteger(endianness: .little, as: UInt64.self) else {
        throw .badField(what: Self.what, tag: field.tag)
      }
      guard number <= Limits.nodeTotalMax || tag == .id else {
        throw .outOfRange(what: "a number of a replica summary", value: number, max: Limits.nodeTotalMax)
      }
      numbers[tag] = number
    }
    guard let id = numbers[.id] else { throw .missingField(what: Self.what, name: "id") }
    guard let state = Volume.State(rawValue: UInt8(clamping: numbers[.state] ?? 0)) else {
      throw .badField(what: Self.what, tag: Tag.state.rawValue)
    }
    self.init(
      id: VolumeID(rawValue: id), state: state, isFailed: numbers[.isFailed] == 1, logBytes: numbers[.logBytes] ?? 0,
      liveBytes: numbers[.liveBytes] ?? 0, garbageBytes: numbers[.garbageBytes] ?? 0,
      blobCount: numbers[.blobCount] ?? 0, durableEnd: numbers[.durableEnd] ?? 0,
      damagedCount: numbers[.damagedCount] ?? 0)
  }
}
