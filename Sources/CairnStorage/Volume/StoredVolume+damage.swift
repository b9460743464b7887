internal import CairnModel
internal import Logging
internal import Synchronization

extension StoredVolume {
  /// Remembers that the record at `offset` can't be read, unless it was restored elsewhere meanwhile.
  func noteDamage(of blob: BlobID, at offset: UInt64, _ reason: String) {
    let isNew = state.withLock { state in
      guard let entry = state.readable(blob), entry.offset == offset else { return false }
      return state.damagedBlobs.insert(blob).inserted
    }
    if isNew { logger.error("blob is damaged", metadata: ["blob": "\(blob)", "error": "\(reason)"]) }
  }

  /// Takes ``noteDamage(of:at:_:)`` back: the record was read from the disk, and is intact.
  func noteIntact(_ entry: IndexEntry) {
    state.withLock { state in
      guard !state.damagedBlobs.isEmpty, state.readable(entry.blob)?.offset == entry.offset else { return }
      state.damagedBlobs.remove(entry.blob)
    }
  }
}

extension StoredVolume.State {
  /// Whether there is a record of the blob behind that place of the log.
  func isStored(_ blob: BlobID, after offset: UInt64) -> Bool {
    index.ordinal(of: blob).map { index[$0].offset > offset } ?? false
  }

  /// Blobs that are damaged, and damaged ranges of which no one knows whose they were.
  var allDamagedCount: Int { damagedCount + damagedBlobs.count }

  /// What an index file must remember: damage that its entries don't tell.
  var unindexedDamageCount: Int {
    damagedCount + damagedBlobs.count { index.ordinal(of: $0) == nil }
  }
}
