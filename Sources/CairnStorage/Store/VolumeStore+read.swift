package import CairnModel

extension VolumeStore {
  /// Reads a record, and verifies its checksums. Suspends only when the page cache lacks it or it is large.
  ///
  /// - Returns: nil when there is no such blob in the volume.
  /// - Throws: ``StorageError/unknownVolume(_:)``, ``StorageError/corrupt(_:_:)``, ``StorageError/io(_:path:)``,
  ///   ``StorageError/closed``.
  nonisolated(nonsending) package func read(_ location: BlobLocation) async throws(StorageError) -> StoredBlob? {
    let volume = try find(location.volume)
    switch try volume.readCached(location.blob) {
    case .found(let blob): return blob
    case .absent: return nil
    case .wouldBlock:
      return try await threads.perform { [threads] () throws(StorageError) in
        try volume.read(location.blob, threads: threads)
      }
    }
  }

  /// Reads a small record if the page cache has it; never waits for the disk. For callers that can't suspend.
  ///
  /// - Throws: as ``read(_:)``.
  package func readCached(_ location: BlobLocation) throws(StorageError) -> CachedRead {
    try find(location.volume).readCached(location.blob)
  }

  /// Reads as ``read(_:)``, waiting for the disk on the calling thread.
  package func readBlocking(_ location: BlobLocation) throws(StorageError) -> StoredBlob? {
    try find(location.volume).read(location.blob, threads: threads)
  }

  /// Reads a record whole, as it was appended, and verifies it.
  ///
  /// - Returns: nil when there is no such blob in the volume.
  /// - Throws: as ``read(_:)``.
  nonisolated(nonsending) package func record(
    _ location: BlobLocation
  ) async throws(StorageError) -> EncodedRecord? {
    let volume = try find(location.volume)
    return try await threads.perform { () throws(StorageError) in try volume.record(location.blob) }
  }
}
