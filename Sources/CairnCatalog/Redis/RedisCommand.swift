internal import CHiredis
internal import CairnModel
internal import NIOCore

/// A command and its arguments, each any bytes.
struct RedisCommand: Sendable {
  /// All of them, one after the other.
  private var bytes = ByteBuffer()
  private var lengths: [Int] = []

  init<each Argument: RedisArgument>(_ arguments: repeat each Argument) {
    repeat append(each arguments)
  }

  mutating func append(_ argument: some RedisArgument) {
    let start = bytes.writerIndex
    argument.write(to: &bytes)
    lengths.append(bytes.writerIndex - start)
  }

  /// Appends the command as RESP, made by hiredis's formatter. O(bytes).
  func write(to buffer: inout ByteBuffer) {
    var formatted: UnsafeMutablePointer<CChar>?
    let count = bytes.withUnsafeReadableBytes { bytes in
      withUnsafeTemporaryAllocation(of: UnsafePointer<CChar>?.self, capacity: lengths.count) { pointers in
        var start = bytes.baseAddress?.assumingMemoryBound(to: CChar.self)
        for (index, length) in lengths.enumerated() {
          pointers.initializeElement(at: index, to: start)
          start = start.map { $0 + length }
        }
        return Int(redisFormatCommandArgv(&formatted, Int32(lengths.count), pointers.baseAddress, lengths))
      }
    }
    guard count >= 0, let formatted else { preconditionFailure("out of memory for a Redis command") }
    buffer.writeBytes(UnsafeRawBufferPointer(start: formatted, count: count))
    redisFreeCommand(formatted)
  }
}

/// What can be an argument of a command.
protocol RedisArgument {
  func write(to buffer: inout ByteBuffer)
}

extension String: RedisArgument {
  func write(to buffer: inout ByteBuffer) { buffer.writeString(self) }
}

extension Array: RedisArgument where Element == UInt8 {
  func write(to buffer: inout ByteBuffer) { buffer.writeBytes(self) }
}

extension ByteBuffer: RedisArgument {
  func write(to buffer: inout ByteBuffer) { buffer.writeImmutableBuffer(self) }
}

extension Int: RedisArgument {
  func write(to buffer: inout ByteBuffer) { buffer.writeString(String(self)) }
}

extension UInt64: RedisArgument {
  func write(to buffer: inout ByteBuffer) { buffer.writeString(String(self)) }
}

/// Sixteen bytes in the order of the ids.
extension BlobID: RedisArgument {
  func write(to buffer: inout ByteBuffer) { buffer.writeOrdered(self) }
}

/// Eight bytes in the order of the ids.
extension VolumeID: RedisArgument {
  func write(to buffer: inout ByteBuffer) { buffer.writeInteger(rawValue) }
}

extension ObjectKey: RedisArgument {
  func write(to buffer: inout ByteBuffer) { buffer.writeString(text) }
}
