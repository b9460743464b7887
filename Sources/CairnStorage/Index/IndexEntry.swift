internal import CairnModel

/// One record as the index keeps it, in 24 bytes.
///
/// Snapshots hold these as they lie in memory, on little-endian machines.
struct IndexEntry: BitwiseCopyable, Sendable {
  /// How far a record is on its way to being dropped. It never goes back.
  enum Life: UInt32, Sendable {
    case live = 0
    /// Nothing refers to it any more; it can be read until its grace is over.
    case dying = 1
    /// As good as gone: waits for compaction.
    case dead = 2
  }

  // 25 bits of length, 2 of kind, 2 of life.
  private static let lengthMask: UInt32 = 1 << 25 - 1
  private static let kindShift: UInt32 = 25
  private static let lifeShift: UInt32 = 27
  private static let lifeMask: UInt32 = 3 << lifeShift

  private let blobHigh: UInt64
  private let blobLow: UInt64
  private let offsetUnits: UInt32
  private var packed: UInt32

  /// - Parameter offset: of the record in the log, a multiple of ``Record/alignment``.
  init(_ header: RecordHeader, offset: UInt64) {
    self.init(header.blob, header.kind, length: header.length, offset: offset)
  }

  init(_ blob: BlobID, _ kind: Record.Kind, length: Int, offset: UInt64) {
    blobHigh = blob.high
    blobLow = blob.low
    offsetUnits = UInt32(offset / UInt64(Record.alignment))
    packed = UInt32(length) | UInt32(kind.rawValue) << Self.kindShift
  }

  /// The same record elsewhere.
  func moved(to offset: UInt64) -> IndexEntry {
    IndexEntry(moving: self, to: offset)
  }

  private init(moving entry: IndexEntry, to offset: UInt64) {
    blobHigh = entry.blobHigh
    blobLow = entry.blobLow
    offsetUnits = UInt32(offset / UInt64(Record.alignment))
    packed = entry.packed
  }

  var blob: BlobID { BlobID(high: blobHigh, low: blobLow) }
  var offset: UInt64 { UInt64(offsetUnits) * UInt64(Record.alignment) }
  /// Bytes, without the padding.
  var length: Int { Int(packed & Self.lengthMask) }
  /// Of the record in the log, without the padding.
  var range: Range<UInt64> { offset..<offset + UInt64(length) }
  var paddedLength: UInt64 { UInt64((length + Record.alignment - 1) & ~(Record.alignment - 1)) }
  /// Whether such a record can lie between the two offsets of a log.
  func fits(from start: UInt64, to end: UInt64) -> Bool {
    offset >= start && length >= Record.headerLength && offset + paddedLength <= end
      && packed >> Self.kindShift & 3 != 0
  }

  var isTombstone: Bool { packed >> Self.kindShift & 3 == UInt32(Record.Kind.tombstone.rawValue) }

  var life: Life {
    get { Life(rawValue: (packed & Self.lifeMask) >> Self.lifeShift) ?? .live }
    set { packed = packed & ~Self.lifeMask | newValue.rawValue << Self.lifeShift }
  }
}
