internal import CairnModel

/// A hash table with open addressing from blob ids to ordinals, four bytes a slot.
///
/// It keeps no ids: what a slot leads to is compared by the caller. The bits that ordinals leave free hold a piece of
/// the hash, so that a probe seldom follows a slot in vain. Positions come from the upper half of a product
/// (Lemire, "Fast random integer generation in an interval", 2019), so that any capacity will do, not just powers
/// of two, and the table can grow in steps of a half.
struct OrdinalTable: Sendable {
  private static let loadMaxNumerator = 7
  private static let loadMaxDenominator = 8

  /// 0 is free; else the upper bits are a piece of the hash, the lower ones the ordinal plus one.
  private var slots: ContiguousArray<UInt32>
  private let ordinalMask: UInt32

  /// - Parameter capacity: at least; what the allocator rounds it up to is used.
  init(capacity: Int) {
    slots = []
    slots.reserveCapacity(capacity)
    slots.append(contentsOf: repeatElement(0, count: slots.capacity))
    ordinalMask = UInt32.max >> UInt32(UInt32(slots.count).leadingZeroBitCount)
  }

  var capacity: Int { slots.count }
  var memoryBytes: Int { slots.capacity * MemoryLayout<UInt32>.stride }

  /// The least capacity at which `count` ordinals fit, and some more.
  static func capacity(for count: Int) -> Int {
    count * loadMaxDenominator / loadMaxNumerator + count / 16 + 1
  }

  /// Whether `count` ordinals are more than the table should hold.
  func isFull(at count: Int) -> Bool {
    count * Self.loadMaxDenominator > slots.count * Self.loadMaxNumerator
  }

  /// The ordinal under which `blob` went in; `matches` tells of an ordinal whether it is the blob's.
  func find(_ blob: BlobID, matches: (Int) -> Bool) -> Int? {
    let hash = Self.hash(blob)
    let tag = UInt32(truncatingIfNeeded: hash) & ~ordinalMask
    var position = position(of: hash)
    while true {
      let slot = slots[position]
      if slot == 0 { return nil }
      if slot & ~ordinalMask == tag {
        let ordinal = Int(slot & ordinalMask) - 1
        if matches(ordinal) { return ordinal }
      }
      position = position + 1 == slots.count ? 0 : position + 1
    }
  }

  /// Adds an ordinal of a blob that is not there. There must be a free slot.
  mutating func insert(_ blob: BlobID, ordinal: Int) {
    let hash = Self.hash(blob)
    var position = position(of: hash)
    while slots[position] != 0 {
      position = position + 1 == slots.count ? 0 : position + 1
    }
    slots[position] = UInt32(truncatingIfNeeded: hash) & ~ordinalMask | UInt32(ordinal + 1)
  }

  /// Lets `blob`, which went in under the ordinal `older`, lead to another one.
  mutating func replace(_ older: Int, of blob: BlobID, with ordinal: Int) {
    let hash = Self.hash(blob)
    let tag = UInt32(truncatingIfNeeded: hash) & ~ordinalMask
    var position = position(of: hash)
    while slots[position] != 0 {
      if slots[position] == tag | UInt32(older + 1) {
        slots[position] = tag | UInt32(ordinal + 1)
        return
      }
      position = position + 1 == slots.count ? 0 : position + 1
    }
  }

  private func position(of hash: UInt64) -> Int {
    Int(hash.multipliedFullWidth(by: UInt64(slots.count)).high)
  }

  /// Spreads the bits of an id over all 64: ids of one millisecond differ in few of them.
  private static func hash(_ blob: BlobID) -> UInt64 {
    var hash = blob.high &* 0x9E37_79B9_7F4A_7C15 ^ blob.low
    hash = (hash ^ hash >> 32) &* 0xD6E8_FEB8_6659_FD93
    hash = (hash ^ hash >> 32) &* 0xD6E8_FEB8_6659_FD93
    return hash ^ hash >> 32
  }
}
