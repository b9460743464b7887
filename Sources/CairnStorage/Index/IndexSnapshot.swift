internal import CairnModel

/// An index as of a moment, in memory as in its file.
///
/// File, all numbers little-endian:
/// ```
///   0  magic           u32   "CRNI"
///   4  format version  u8, three zeros
///   8  volume          u64
///  16  generation      u64   of the log that it describes
///  24  log end         u64   every record before this offset is in here
///  32  marked to       u64   every mark of a tombstone before this offset is in some snapshot
///  40  entries         u32
///  44  dying           u32
///  48  damaged         u32   records of the log that were found unreadable
///  52  zero            u32
///  56  entries (24 bytes each), dying (8 bytes each), CRC-32C of all before
/// ```
struct IndexSnapshot: Sendable {
  static let magic: UInt32 = 0x494E_5243
  static let formatVersion: UInt8 = 1
  static let headerLength = 56

  var volume: VolumeID
  var generation: UInt64
  var logEnd: UInt64
  var markedTo: UInt64
  var damagedCount: Int
  var index: BlobIndex
  var dying: ContiguousArray<DyingEntry>
}

/// An entry whose grace has begun.
struct DyingEntry: BitwiseCopyable, Sendable {
  let ordinal: UInt32
  /// Seconds since 1970.
  let deadline: UInt32
}
