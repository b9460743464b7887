internal import CairnModel
internal import Logging
internal import NIOCore
internal import NIOPosix
internal import Synchronization

extension StoredVolume {
  /// Reads a small record if that needs no waiting for the disk.
  func readCached(_ blob: BlobID) throws(StorageError) -> CachedRead {
    guard !dropped.isRaised else { throw .unknownVolume(id) }
    let (entry, file) = state.withLock { state in (state.readable(blob), state.usedFile) }
    guard let entry else { return .absent }
    guard let file, entry.length <= context.configuration.bufferedReadMax,
      let bytes = file.readCached(entry.length, at: entry.offset)
    else { return .wouldBlock }
    context.counters.cachedReads.increment()
    return .found(try verified(bytes, of: entry))
  }

  /// Reads a record, and verifies all of it. Blocks.
  func read(_ blob: BlobID, threads: NIOThreadPool) throws(StorageError) -> StoredBlob? {
    let (file, entry) = try opened { $0.readable(blob) }
    guard let entry else { return nil }
    context.counters.threadReads.increment()
    guard entry.length > context.configuration.bufferedReadMax else {
      return try verified(try file.read(entry.length, at: entry.offset), of: entry)
    }
    return try verifiedRegion(of: entry, in: file, threads)
  }

  /// Reads a record whole into memory, and verifies all of it. Blocks.
  func record(_ blob: BlobID) throws(StorageError) -> EncodedRecord? {
    let (file, entry) = try opened { $0.readable(blob) }
    guard let entry else { return nil }
    return try verifiedRecord(try file.read(entry.length, at: entry.offset), of: entry)
  }

  private func verified(_ bytes: ByteBuffer, of entry: IndexEntry) throws(StorageError) -> StoredBlob {
    let record = try verifiedRecord(bytes, of: entry)
    return StoredBlob(header: record.header, metadata: record.record.metadata, payload: .bytes(record.payload))
  }

  private func verifiedRecord(_ bytes: ByteBuffer, of entry: IndexEntry) throws(StorageError) -> EncodedRecord {
    do throws(FormatError) {
      let record = try EncodedRecord(verifying: bytes)
      guard record.header.blob == entry.blob else { throw .badField(what: "record's blob id", tag: 16) }
      return record
    } catch {
      throw corrupt(entry, error)
    }
  }

  private func verifiedRegion(
    of entry: IndexEntry, in file: OpenFile, _ threads: NIOThreadPool
  ) throws(StorageError) -> StoredBlob {
    file.prefetch(entry.offset, entry.length)
    let start = try file.read(min(entry.length, Record.headerLength + Record.metadataLengthMax), at: entry.offset)
    let header: RecordHeader
    do throws(FormatError) {
      header = try start.withReadableBytes { (bytes) throws(FormatError) in
        let header = try RecordHeader(bytes)
        try header.verifyHeader(bytes)
        return header
      }
      guard header.blob == entry.blob, header.length == entry.length else {
        throw .badField(what: "record's blob id", tag: 16)
      }
    } catch {
      throw corrupt(entry, error)
    }
    let prefixLength = Record.headerLength + header.metadataLength
    let offset = entry.offset + UInt64(prefixLength)
    let found = try checksum(file, at: offset, length: header.payloadLength)
    guard found == header.payloadCRC else {
      throw corrupt(entry, .badChecksum(what: "record payload", expected: header.payloadCRC, found: found))
    }
    return StoredBlob(
      header: header,
      metadata: start.getSlice(at: Record.headerLength, length: header.metadataLength) ?? ByteBuffer(),
      payload: .file(BlobFile(file, offset: offset, length: header.payloadLength, threads: threads)))
  }

  /// By `pread` into a buffer that stays in the processor's cache. Not by `mmap`: there an unreadable sector would be
  /// a signal that ends the process.
  private func checksum(_ file: OpenFile, at offset: UInt64, length: Int) throws(StorageError) -> UInt32 {
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 128 << 10, alignment: 4096)
    defer { buffer.deallocate() }
    var crc = CRC32C()
    var done = 0
    while done < length {
      let part = UnsafeMutableRawBufferPointer(rebasing: buffer.prefix(length - done))
      let count = try file.read(into: part, at: offset + UInt64(done))
      // A log that ends too early has a wrong checksum.
      guard count > 0 else { break }
      crc.update(UnsafeRawBufferPointer(rebasing: part.prefix(count)))
      done += count
    }
    return crc.value
  }

  private func corrupt(_ entry: IndexEntry, _ error: FormatError) -> StorageError {
    context.counters.corruptReads.increment()
    noteDamage(of: entry.blob, at: entry.offset, "\(error)")
    return .corrupt(BlobLocation(volume: id, blob: entry.blob), error)
  }
}

extension StoredVolume.State {
  /// The entry of a blob that is not dead.
  func readable(_ blob: BlobID) -> IndexEntry? {
    guard let ordinal = index.ordinal(of: blob) else { return nil }
    let entry = index[ordinal]
    return entry.life == .dead ? nil : entry
  }
}
