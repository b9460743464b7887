internal import CairnModel
internal import Glibc
internal import NIOCore

extension IndexSnapshot {
  /// Writes the snapshot to a temporary file, syncs it, and puts it in its place. The caller syncs the directory.
  func write(to paths: VolumePaths, operations: FileOperations) throws(StorageError) {
    try writeTemporary(to: paths, operations: operations)
    do throws(SystemError) {
      try operations.rename(paths.temporaryIndex, paths.index)
    } catch {
      throw .io(error, path: paths.index)
    }
  }

  func writeTemporary(to paths: VolumePaths, operations: FileOperations) throws(StorageError) {
    let file = try OpenFile(paths.temporaryIndex, flags: O_RDWR | O_CREAT | O_TRUNC, operations: operations)
    let writer = FileWriter(file)
    do throws(SystemError) {
      try writer.write(header)
      for segment in index.segments { try writer.writeImage(of: segment) }
      try writer.writeImage(of: dying)
      var checksum = ByteBuffer()
      checksum.writeInteger(writer.checksum.value, endianness: .little)
      try writer.write(checksum)
      try writer.flush()
      try file.sync()
    } catch {
      throw .io(error, path: paths.temporaryIndex)
    }
  }

  private var header: ByteBuffer {
    var header = ByteBuffer()
    header.writeInteger(Self.magic, endianness: .little)
    header.writeInteger(Self.formatVersion)
    header.writeRepeatingByte(0, count: 3)
    for field in [volume.rawValue, generation, logEnd, markedTo] {
      header.writeInteger(field, endianness: .little)
    }
    for field in [index.count, dying.count, damagedCount, 0] {
      header.writeInteger(UInt32(clamping: field), endianness: .little)
    }
    return header
  }

  /// Reads the snapshot of a volume.
  ///
  /// - Returns: nil when there is none.
  /// - Throws: ``StorageError/format(_:path:)`` when it is damaged, which costs a scan of the log, or of a newer format.
  init?(of volume: VolumeID, at paths: VolumePaths, operations: FileOperations) throws(StorageError) {
    let file: OpenFile
    do throws(StorageError) {
      file = try OpenFile(paths.index, flags: O_RDONLY, operations: operations)
    } catch {
      if case .io(let cause, _) = error, cause.code == ENOENT { return nil }
      throw error
    }
    do throws(SnapshotFailure) {
      try self.init(reading: file, of: volume)
    } catch {
      switch error {
      case .storage(let error): throw error
      case .format(let error): throw .format(error, path: paths.index)
      }
    }
  }

  private enum SnapshotFailure: Error {
    case storage(StorageError)
    case format(FormatError)
  }

  private init(reading file: OpenFile, of volume: VolumeID) throws(SnapshotFailure) {
    let what = "index snapshot"
    var crc = CRC32C()
    var position: UInt64 = 0
    func take(_ count: Int, checked: Bool = true) throws(SnapshotFailure) -> ByteBuffer {
      let bytes: ByteBuffer
      do throws(StorageError) { bytes = try file.read(count, at: position) } catch { throw .storage(error) }
      guard bytes.readableBytes == count else { throw .format(.truncated(what: what)) }
      if checked { bytes.withUnsafeReadableBytes { crc.update($0) } }
      position += UInt64(count)
      return bytes
    }
    var header = try take(Self.headerLength)
    guard let (magic, version) = header.readMultipleIntegers(endianness: .little, as: (UInt32, UInt8).self),
      let _ = header.readBytes(length: 3),
      let (id, generation, logEnd, markedTo) = header.readMultipleIntegers(
        endianness: .little, as: (UInt64, UInt64, UInt64, UInt64).self),
      let (count, dyingCount, damagedCount) = header.readMultipleIntegers(
        endianness: .little, as: (UInt32, UInt32, UInt32).self)
    else { throw .format(.truncated(what: what)) }
    guard magic == Self.magic else { throw .format(.badMagic(found: magic)) }
    guard version <= Self.formatVersion else {
      throw .format(.newerVersion(what: what, found: version, supported: Self.formatVersion))
    }
    guard id == volume.rawValue else { throw .format(.badField(what: what, tag: 8)) }
    guard (UInt64(LogHeader.length)...LogHeader.logLengthMax).contains(logEnd) else {
      throw .format(.outOfRange(what: "log end of the \(what)", value: logEnd, max: LogHeader.logLengthMax))
    }

    // Before memory is set aside for them: do the counts of a header that isn't verified yet fit the file?
    let stride = MemoryLayout<IndexEntry>.stride
    let body = Int(count) * stride + Int(dyingCount) * MemoryLayout<DyingEntry>.stride
    let size: UInt64
    do throws(StorageError) { size = try file.size() } catch { throw .storage(error) }
    guard size == UInt64(Self.headerLength + body + 4) else { throw .format(.truncated(what: what)) }

    var index = BlobIndex(minimumCapacity: Int(count))
    var left = Int(count)
    // Records follow each other in the log, and so do their entries.
    var recordEnd = UInt64(LogHeader.length)
    var areInOrder = true
    while left > 0 {
      let part = min(left, BlobIndex.segmentLength)
      try take(part * stride).withUnsafeReadableBytes { bytes in
        for place in 0..<part {
          let entry = bytes.loadUnaligned(fromByteOffset: place * stride, as: IndexEntry.self)
          areInOrder = areInOrder && entry.fits(from: recordEnd, to: logEnd)
          recordEnd = entry.offset + entry.paddedLength
          index.put(entry)
        }
      }
      left -= part
    }
    guard areInOrder else { throw .format(.badField(what: what, tag: 56)) }
    let dyingStride = MemoryLayout<DyingEntry>.stride
    let dying = try take(Int(dyingCount) * dyingStride).withUnsafeReadableBytes { bytes in
      ContiguousArray(
        (0..<Int(dyingCount)).lazy.map { entry in
          bytes.loadUnaligned(fromByteOffset: entry * dyingStride, as: DyingEntry.self)
        })
    }
    guard dying.allSatisfy({ $0.ordinal < count }) else { throw .format(.badField(what: what, tag: 44)) }
    let found = crc.value
    let expected = try take(4, checked: false).getInteger(at: 0, endianness: .little, as: UInt32.self) ?? 0
    guard found == expected else { throw .format(.badChecksum(what: what, expected: expected, found: found)) }
    self.init(
      volume: volume, generation: generation, logEnd: logEnd, markedTo: markedTo, damagedCount: Int(damagedCount),
      index: index, dying: dying)
  }
}

extension FileWriter {
  fileprivate func write(_ buffer: ByteBuffer) throws(SystemError) {
    try buffer.withReadableBytes { (bytes) throws(SystemError) in try write(bytes) }
  }

  fileprivate func writeImage(of elements: ContiguousArray<some BitwiseCopyable>) throws(SystemError) {
    try elements.withUnsafeBufferPointer { (elements) throws(SystemError) in
      try write(UnsafeRawBufferPointer(elements))
    }
  }
}
