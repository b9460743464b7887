internal import CairnModel

/// Writes a file from its start, through a buffer, with a running checksum.
final class FileWriter {
  private static let capacity = 256 << 10

  let file: OpenFile
  private(set) var checksum = CRC32C()
  private var buffer: [UInt8] = []
  private var offset: UInt64 = 0

  init(_ file: OpenFile) {
    self.file = file
    buffer.reserveCapacity(Self.capacity)
  }

  func write(_ bytes: UnsafeRawBufferPointer) throws(SystemError) {
    checksum.update(bytes)
    if buffer.count + bytes.count > Self.capacity { try flush() }
    if bytes.count >= Self.capacity {
      try file.write(bytes, at: offset)
      offset += UInt64(bytes.count)
    } else {
      buffer.append(contentsOf: bytes)
    }
  }

  func flush() throws(SystemError) {
    try buffer.withUnsafeBufferPointer { (bytes) throws(SystemError) in
      try file.write(UnsafeRawBufferPointer(bytes), at: offset)
    }
    offset += UInt64(buffer.count)
    buffer.removeAll(keepingCapacity: true)
  }
}
