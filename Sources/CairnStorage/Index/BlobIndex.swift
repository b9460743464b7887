internal import CairnModel

/// Where each record of a volume is: dense entries in log order, and a hash table of their ordinals.
///
/// Costs 24 bytes an entry and 4.6 to 7.6 for the table. Entries lie in segments, so that growing copies none of
/// them, and a copy of the value (a snapshot being written) shares all segments that don't change meanwhile.
struct BlobIndex: Sendable {
  /// Entries in a segment: with the array's header, 24 KiB, which allocators have a size class for.
  static let segmentLength = 1022
  /// The first segment starts smaller: most volumes of a small node hold few records.
  private static let firstCapacity = 16
  private static let slotsMin = 32

  private(set) var count = 0
  private(set) var segments: [ContiguousArray<IndexEntry>] = []
  private var slots = OrdinalTable(capacity: slotsMin)
  /// Some blobs have several entries, of which the last one counts.
  private var hasReplaced = false

  init() {}

  /// An index that holds `count` entries without growing.
  init(minimumCapacity count: Int) {
    slots = OrdinalTable(capacity: max(Self.slotsMin, OrdinalTable.capacity(for: count)))
    segments.reserveCapacity(count / Self.segmentLength + 1)
  }

  subscript(ordinal: Int) -> IndexEntry {
    segments[ordinal / Self.segmentLength][ordinal % Self.segmentLength]
  }

  /// The ordinal of the record of `blob`, in log order from 0; nil when there is none. O(1).
  func ordinal(of blob: BlobID) -> Int? {
    slots.find(blob) { self[$0].blob == blob }
  }

  /// Adds the record that follows all others in the log. O(1), amortized.
  ///
  /// - Returns: false, and nothing changed, when there is a record of that blob.
  @discardableResult
  mutating func insert(_ entry: IndexEntry) -> Bool {
    guard ordinal(of: entry.blob) == nil else { return false }
    if slots.isFull(at: count + 1) { grow() }
    slots.insert(entry.blob, ordinal: count)
    append(entry)
    return true
  }

  /// Adds the record that follows all others in the log, in the place of any other one of its blob, which is dead from
  /// then on. O(1), amortized.
  mutating func put(_ entry: IndexEntry) {
    guard !insert(entry), let older = ordinal(of: entry.blob) else { return }
    if slots.isFull(at: count + 1) { grow() }
    setLife(.dead, at: older)
    slots.replace(older, of: entry.blob, with: count)
    hasReplaced = true
    append(entry)
  }

  /// Moves the entry on in its life; entries never go back.
  mutating func setLife(_ life: IndexEntry.Life, at ordinal: Int) {
    segments[ordinal / Self.segmentLength][ordinal % Self.segmentLength].life = life
  }

  /// The entries of the records at or after `offset`, in log order.
  func entries(from offset: UInt64) -> some Sequence<IndexEntry> {
    (firstOrdinal(from: offset)..<count).lazy.map { self[$0] }
  }

  /// Where the first record begins whose id was made at `milliseconds` since 1970 or later. O(entries).
  func firstOffset(since milliseconds: UInt64) -> UInt64? {
    for segment in segments {
      if let first = segment.first(where: { $0.blob.millisecondsSinceEpoch >= milliseconds }) { return first.offset }
    }
    return nil
  }

  private func firstOrdinal(from offset: UInt64) -> Int {
    var low = 0
    var high = count
    while low < high {
      let middle = (low + high) / 2
      if self[middle].offset < offset { low = middle + 1 } else { high = middle }
    }
    return low
  }

  /// Bytes of memory, spare capacity included.
  var memoryBytes: Int {
    segments.reduce(slots.memoryBytes + segments.capacity * MemoryLayout<ContiguousArray<IndexEntry>>.stride) {
      $0 + $1.capacity * MemoryLayout<IndexEntry>.stride
    }
  }

  private mutating func append(_ entry: IndexEntry) {
    if count % Self.segmentLength == 0 {
      var segment = ContiguousArray<IndexEntry>()
      segment.reserveCapacity(count == 0 ? Self.firstCapacity : Self.segmentLength)
      segments.append(segment)
    } else if count < Self.segmentLength, segments[0].count == segments[0].capacity {
      segments[0].reserveCapacity(min(Self.segmentLength, count * 2))
    }
    segments[segments.count - 1].append(entry)
    count += 1
  }

  private mutating func grow() {
    var larger = OrdinalTable(capacity: slots.capacity + slots.capacity / 2)
    var ordinal = 0
    for segment in segments {
      for entry in segment {
        if hasReplaced, let older = larger.find(entry.blob, matches: { self[$0].blob == entry.blob }) {
          larger.replace(older, of: entry.blob, with: ordinal)
        } else {
          larger.insert(entry.blob, ordinal: ordinal)
        }
        ordinal += 1
      }
    }
    slots = larger
  }
}
