import CairnModel
import NIOCore
import Testing

@testable import CairnStorage

@Suite struct IndexTests {
  private func entry(_ index: UInt64) -> IndexEntry {
    // As generators make them: in order of time, the lower half random.
    let blob = BlobID(high: index << 16, low: (index &+ 1) &* 0x9E37_79B9_7F4A_7C15)
    return IndexEntry(blob, .chunk, length: 48, offset: index * 48 + 128)
  }

  @Test func indexTakesAtMost32BytesABlob() {
    var index = BlobIndex()
    var most = 0.0
    for ordinal in 0..<1_000_000 {
      index.insert(entry(UInt64(ordinal)))
      // A prime step, so that it falls before and after each growth.
      if ordinal >= 100_000 && ordinal % 1009 == 0 { most = max(most, Double(index.memoryBytes) / Double(index.count)) }
    }
    #expect(index.count == 1_000_000)
    #expect(most <= 32)
  }

  @Test(arguments: [0, 1, 15, 16, 17, 1023, 1024, 1025, 5000])
  func everyEntryIsFoundAndNoOther(count: Int) throws {
    var index = BlobIndex()
    let entries = (0..<UInt64(count)).map { entry($0) }
    for entry in entries {
      #expect(index.ordinal(of: entry.blob) == nil)
      let isNew = index.insert(entry)
      let isNewAgain = index.insert(entry.moved(to: 8))
      #expect(isNew && !isNewAgain)
    }
    for (ordinal, entry) in entries.enumerated() {
      #expect(index.ordinal(of: entry.blob) == ordinal)
      #expect(index[ordinal].offset == entry.offset)
    }
    let other = entry(UInt64(count))
    #expect(index.ordinal(of: other.blob) == nil)
    #expect(index.entries(from: 0).count(where: { _ in true }) == count)
    if count > 3 { #expect(Array(index.entries(from: entries[2].offset + 1)).first?.offset == entries[3].offset) }
  }

  @Test func copyKeepsItsContentWhileTheOriginalGrows() throws {
    var index = BlobIndex()
    for ordinal in 0..<1500 { index.insert(entry(UInt64(ordinal))) }
    let copy = index
    for ordinal in 1500..<4000 { index.insert(entry(UInt64(ordinal))) }
    index.setLife(.dead, at: 7)
    #expect(copy.count == 1500)
    #expect(copy[7].life == .live)
    #expect(index[7].life == .dead)
    #expect(copy.ordinal(of: entry(2000).blob) == nil)
  }

  @Test func entryKeepsItsPartsApart() throws {
    let record = try EncodedRecord(
      Record(
        kind: .tombstone, blob: BlobID(high: 1, low: 2), timestamp: Timestamp(clampingMillisecondsSinceEpoch: 0),
        metadata: .init(repeating: 1, count: Record.metadataLengthMax),
        payload: .init(repeating: 1, count: Record.payloadLengthMax)))
    let last = StorageConfiguration.volumeSizeAllowed.upperBound
    var entry = IndexEntry(record.header, offset: last)
    for life in [IndexEntry.Life.dying, .dead] {
      entry.life = life
      #expect(entry.life == life)
      #expect(entry.length == record.header.length)
      #expect(entry.isTombstone)
      #expect(entry.offset == last)
    }
    #expect(MemoryLayout<IndexEntry>.stride == 24)
  }

  @Test func queueStartsOneWriterAndBoundsItsBatches() throws {
    var queue = AppendQueue()
    let append = AppendQueue.Operation.append(
      .init(record: try .chunk(1, length: 8 << 20), completion: { _ in }))
    var actions = (0..<10).map { _ in queue.enqueue(append) }
    #expect(actions == [.startWriter] + Array(repeating: .none, count: 9))
    // Three of 8 MiB and a little are under 32 MiB.
    let batches = (0..<5).map { _ in queue.takeBatch()?.count }
    #expect(batches == [3, 3, 3, 1, nil])
    actions = [queue.close(last: .barrier({ _ in })), queue.enqueue(append)]
    #expect(actions == [.startWriter, .refuse])
    let last = queue.takeBatch()?.count
    #expect(last == 1)
  }
}
