package import CairnModel
internal import Synchronization

extension VolumeStore {
  /// A digest of a volume's live records: the same on every replica that holds the same ones, whatever their logs look
  /// like. Reads the records' headers, so it doesn't find damaged payloads: scrubbing does, and then they are left out.
  ///
  /// - Throws: ``StorageError/unknownVolume(_:)``, ``StorageError/io(_:path:)``, ``StorageError/closed``.
  nonisolated(nonsending) package func digest(of id: VolumeID) async throws(StorageError) -> ReplicaDigest {
    let volume = try find(id)
    return try await threads.perform { () throws(StorageError) in
      var digest = ReplicaDigest()
      try volume.liveBlobs { digest.add($0) }
      return digest
    }
  }

  /// What ``digest(of:)`` is made from, in order of the ids: 24 bytes of memory each.
  ///
  /// - Throws: as ``digest(of:)``.
  nonisolated(nonsending) package func blobs(in id: VolumeID) async throws(StorageError) -> [ReplicaBlob] {
    let volume = try find(id)
    return try await threads.perform { () throws(StorageError) in
      var blobs: [ReplicaBlob] = []
      try volume.liveBlobs { blobs.append($0) }
      return blobs.sorted { $0.blob < $1.blob }
    }
  }

  /// Blobs that are garbage here and were not compacted yet, in order of the ids.
  ///
  /// - Throws: ``StorageError/unknownVolume(_:)``, ``StorageError/closed``.
  nonisolated(nonsending) package func garbage(in id: VolumeID) async throws(StorageError) -> [BlobID] {
    let volume = try find(id)
    return try await threads.perform { () throws(StorageError) in volume.garbage.sorted() }
  }

  /// Begins the grace of blobs of a volume, as a tombstone that names them would. Blobs that are not here, or are
  /// garbage already, are passed over. A crash may take it back.
  ///
  /// - Throws: ``StorageError/unknownVolume(_:)``, ``StorageError/closed``.
  package func discard(_ blobs: [BlobID], in id: VolumeID) throws(StorageError) {
    _ = try find(id)
    mark(blobs.map { BlobLocation(volume: id, blob: $0) }, at: context.now())
  }

  /// Blobs of which a read or a scrub found that they are damaged, and that were not restored since, in order of the
  /// ids.
  ///
  /// - Throws: ``StorageError/unknownVolume(_:)``, ``StorageError/closed``.
  package func damaged(in id: VolumeID) throws(StorageError) -> [BlobID] {
    try find(id).state.withLock { $0.damagedBlobs }.sorted()
  }
}
