internal import CairnModel
internal import NIOCore

/// Gathers records that follow each other in a log, so that many small ones cost one write.
///
/// Small parts are copied together, which is cheaper than a vector of them; large payloads are written from where
/// they are.
final class WriteStaging {
  private static let capacity = 512 << 10
  /// Payloads from so many bytes on are not copied.
  private static let copyMax = 64 << 10
  /// After so many bytes the kernel is asked to begin writing them. Measured: chunks of 8 MiB are on the disk up to
  /// three times sooner than when all writing waits for the sync.
  private static let writebackBytes = 1 << 20

  private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: capacity, alignment: 4096)
  private var count = 0
  private var offset: UInt64 = 0
  private var writebackOffset: UInt64 = 0

  deinit {
    buffer.deallocate()
  }

  /// Starts at a place of the log.
  func begin(at offset: UInt64) {
    self.offset = offset
    writebackOffset = offset
    count = 0
  }

  /// Adds a record and its padding.
  func add(_ record: EncodedRecord, to file: OpenFile) throws(SystemError) {
    try add(record.prefix, to: file)
    try add(record.payload, to: file)
    let padding = record.header.paddedLength - record.header.length
    if count + padding > Self.capacity { try flush(to: file) }
    for index in count..<count + padding { buffer[index] = 0 }
    count += padding
  }

  /// Writes what was gathered.
  func flush(to file: OpenFile) throws(SystemError) {
    guard count > 0 else { return }
    try write(UnsafeRawBufferPointer(rebasing: buffer[..<count]), to: file)
    count = 0
  }

  private func add(_ part: ByteBuffer, to file: OpenFile) throws(SystemError) {
    let isLarge = part.readableBytes >= Self.copyMax
    if isLarge || count + part.readableBytes > Self.capacity { try flush(to: file) }
    try part.withReadableBytes { (bytes) throws(SystemError) in
      if isLarge {
        try write(bytes, to: file)
      } else if let source = bytes.baseAddress, let target = buffer.baseAddress {
        (target + count).copyMemory(from: source, byteCount: bytes.count)
        count += bytes.count
      }
    }
  }

  private func write(_ bytes: UnsafeRawBufferPointer, to file: OpenFile) throws(SystemError) {
    var rest = bytes[...]
    while !rest.isEmpty {
      let part = UnsafeRawBufferPointer(rebasing: rest.prefix(Self.writebackBytes))
      try file.write(part, at: offset)
      offset += UInt64(part.count)
      rest = rest.dropFirst(part.count)
      if offset - writebackOffset >= UInt64(Self.writebackBytes) {
        file.startWriteback(writebackOffset, offset - writebackOffset)
        writebackOffset = offset
      }
    }
  }
}
