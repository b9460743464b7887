internal import CairnModel
internal import NIOCore

/// Reads the records of a log one after the other, and finds the next one where some are damaged.
///
/// A record with an intact header is passed over as a whole, whatever its payload holds. Only behind a damaged header
/// the next one is searched for, at each multiple of ``Record/alignment``.
struct LogScanner {
  enum Finding {
    case record(EncodedRecord, offset: UInt64)
    case damaged(DamagedRange)
    /// A chunk that isn't wanted; whether its payload is intact was not looked at.
    case skipped
  }

  /// Bytes that are read at once; a longer record is read whole.
  private static let windowLength = 1 << 20

  private let file: OpenFile
  private let end: UInt64
  private let skipsChunks: Bool
  /// Where the next record should start.
  private(set) var position: UInt64
  private var window = ByteBuffer()
  private var windowStart: UInt64

  /// - Parameters:
  ///   - offset: where a record starts.
  ///   - end: where the log ends.
  ///   - skippingChunks: passes over them without reading their payloads.
  init(_ file: OpenFile, from offset: UInt64, to end: UInt64, skippingChunks: Bool = false) {
    self.file = file
    self.end = end
    skipsChunks = skippingChunks
    position = offset
    windowStart = offset
  }

  /// The next finding; nil at the end. Findings follow each other without gaps.
  ///
  /// - Throws: ``StorageError/io(_:path:)``; ``StorageError/format(_:path:)`` where a record is intact, but of a
  ///   format that only a newer Cairn knows.
  mutating func next() throws(StorageError) -> Finding? {
    guard position < end else { return nil }
    let start = position
    switch try inspect(start) {
    case .intact(let record):
      position = start + UInt64(record.header.paddedLength)
      return .record(record, offset: start)
    case .unwanted(let header):
      position = min(start + UInt64(header.paddedLength), end)
      return .skipped
    case .badPayload(let header, let error):
      position = min(start + UInt64(header.paddedLength), end)
      return .damaged(DamagedRange(offset: start, length: position - start, blob: header.blob, error: error))
    case .badHeader(let error):
      position = try nextHeader(after: start)
      return .damaged(DamagedRange(offset: start, length: position - start, blob: nil, error: error))
    }
  }

  private enum Inspection {
    case intact(EncodedRecord)
    case unwanted(RecordHeader)
    /// The header can be trusted, so the length can.
    case badPayload(RecordHeader, FormatError)
    case badHeader(FormatError)
  }

  private mutating func inspect(_ offset: UInt64) throws(StorageError) -> Inspection {
    let header: RecordHeader
    switch try inspectHeader(offset) {
    case .success(let intact): header = intact
    case .failure(let error):
      if case .newerVersion = error { throw .format(error, path: "\(file.path), offset \(offset)") }
      return .badHeader(error)
    }
    if skipsChunks, header.kind == .chunk { return .unwanted(header) }
    let whole = try bytes(header.length, at: offset)
    do throws(FormatError) {
      return .intact(try EncodedRecord(verifying: whole))
    } catch {
      return .badPayload(header, error)
    }
  }

  /// The header at `offset` when it is intact. ``FormatError/newerVersion(what:found:supported:)`` means an intact one
  /// as well: a flipped bit in the version looks like a newer format, but doesn't fit the checksum.
  private mutating func inspectHeader(_ offset: UInt64) throws(StorageError) -> Result<RecordHeader, FormatError> {
    let fixed = try bytes(Record.headerLength, at: offset)
    let header: RecordHeader
    do throws(FormatError) {
      header = try fixed.withReadableBytes { (bytes) throws(FormatError) in try RecordHeader(bytes) }
    } catch {
      guard case .newerVersion = error else { return .failure(error) }
      return .failure(try isIntact(newerHeader: fixed, at: offset) ? error : .badField(what: "record version", tag: 4))
    }
    let prefix = try bytes(Record.headerLength + header.metadataLength, at: offset)
    do throws(FormatError) {
      try prefix.withReadableBytes { (bytes) throws(FormatError) in try header.verifyHeader(bytes) }
      return .success(header)
    } catch {
      return .failure(error)
    }
  }

  /// Every format keeps the place of the metadata's length and of the header's checksum.
  private mutating func isIntact(newerHeader fixed: ByteBuffer, at offset: UInt64) throws(StorageError) -> Bool {
    guard
      let length = fixed.getInteger(at: fixed.readerIndex + 8, endianness: .little, as: UInt32.self),
      let expected = fixed.getInteger(at: fixed.readerIndex + 44, endianness: .little, as: UInt32.self),
      length <= Record.metadataLengthMax
    else { return false }
    let prefix = try bytes(Record.headerLength + Int(length), at: offset)
    return prefix.withUnsafeReadableBytes { bytes in
      guard bytes.count == Record.headerLength + Int(length) else { return false }
      var crc = CRC32C()
      crc.update(UnsafeRawBufferPointer(rebasing: bytes[..<44]))
      crc.update(UnsafeRawBufferPointer(rebasing: bytes[Record.headerLength...]))
      return crc.value == expected
    }
  }

  private mutating func nextHeader(after start: UInt64) throws(StorageError) -> UInt64 {
    let step = Record.alignment
    var candidate = start + UInt64(step)
    while candidate < end {
      let part = try atLeast(Record.headerLength, at: candidate)
      // The file is shorter than the log should be.
      guard part.readableBytes > 0 else { break }
      let hit = part.withUnsafeReadableBytes { bytes in
        stride(from: 0, to: bytes.count - 3, by: step).first {
          UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: $0, as: UInt32.self)) == Record.magic
        }
      }
      guard let hit else {
        // Round down, so that the search stays on multiples of the alignment.
        candidate += UInt64(max(part.readableBytes & ~(step - 1), step))
        continue
      }
      candidate += UInt64(hit)
      switch try inspectHeader(candidate) {
      case .success, .failure(.newerVersion): return candidate
      case .failure: candidate += UInt64(step)
      }
    }
    return end
  }

  /// `count` bytes, fewer only at the end of the log. They share the window's memory.
  private mutating func bytes(_ count: Int, at offset: UInt64) throws(StorageError) -> ByteBuffer {
    let available = try atLeast(count, at: offset)
    return available.getSlice(at: available.readerIndex, length: min(count, available.readableBytes)) ?? available
  }

  /// What the window has from `offset` on, read anew if that is less than `count` bytes.
  private mutating func atLeast(_ count: Int, at offset: UInt64) throws(StorageError) -> ByteBuffer {
    let left = end > offset ? end - offset : 0
    let wanted = Int(min(UInt64(count), left))
    if offset < windowStart || offset + UInt64(wanted) > windowStart + UInt64(window.readableBytes) {
      window = try file.read(Int(min(UInt64(max(count, Self.windowLength)), left)), at: offset)
      windowStart = offset
    }
    let skipped = min(Int(offset - windowStart), window.readableBytes)
    return window.getSlice(at: skipped, length: window.readableBytes - skipped) ?? ByteBuffer()
  }
}
