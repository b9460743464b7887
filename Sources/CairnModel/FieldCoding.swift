package import NIOCore

/// Why stored bytes can't be understood. Always damage or a newer format, never a client's mistake.
package enum FormatError: Error, Hashable, CustomStringConvertible {
  case truncated(what: String)
  case newerVersion(what: String, found: UInt8, supported: UInt8)
  case badField(what: String, tag: UInt8)
  case missingField(what: String, name: String)
  /// A number that nothing can have: arithmetic with it would not end well.
  case outOfRange(what: String, value: UInt64, max: UInt64)
  case badMagic(found: UInt32)
  case badChecksum(what: String, expected: UInt32, found: UInt32)

  package var description: String {
    switch self {
    case .truncated(let what): "\(what) ends too early"
    case .newerVersion(let what, let found, let supported):
      "\(what) has format version \(found), this Cairn reads up to \(supported): use a newer Cairn"
    case .badField(let what, let tag): "\(what) has a malformed field \(tag)"
    case .missingField(let what, let name): "\(what) lacks the field '\(name)'"
    case .outOfRange(let what, let value, let max): "\(what) is \(value), at most \(max) is possible"
    case .badMagic(let found): "no record starts here (found 0x\(UInt64(found).hexadecimal))"
    case .badChecksum(let what, let expected, let found):
      "\(what) has checksum \(UInt64(found).hexadecimal), expected \(UInt64(expected).hexadecimal)"
    }
  }
}

/// Reads what ``FieldWriter`` wrote.
extension ByteBuffer {
  /// The next field, or nil at the end.
  package mutating func readField(of what: String) throws(FormatError) -> (tag: UInt8, value: ByteBuffer)? {
    guard readableBytes > 0 else { return nil }
    guard let tag = readInteger(as: UInt8.self), let length = readInteger(endianness: .little, as: UInt32.self),
      let value = readSlice(length: Int(length))
    else { throw .truncated(what: what) }
    return (tag, value)
  }

  package mutating func readBlobID() -> BlobID? {
    guard let high = readInteger(endianness: .little, as: UInt64.self),
      let low = readInteger(endianness: .little, as: UInt64.self)
    else { return nil }
    return BlobID(high: high, low: low)
  }

  package mutating func readLocation() -> BlobLocation? {
    guard let volume = readInteger(endianness: .little, as: UInt64.self), let blob = readBlobID() else { return nil }
    return BlobLocation(volume: VolumeID(rawValue: volume), blob: blob)
  }

  /// The readable bytes as text, nil unless they are UTF-8.
  package var validatedString: String? {
    String(validating: readableBytesView, as: UTF8.self)
  }
}

extension ByteBuffer {
  /// `withUnsafeReadableBytes` that keeps the type of the error.
  package func withReadableBytes<Value, Failure: Error>(
    _ body: (UnsafeRawBufferPointer) throws(Failure) -> Value
  ) throws(Failure) -> Value {
    let result: Result<Value, Failure> = withUnsafeReadableBytes { bytes in
      do throws(Failure) { return .success(try body(bytes)) } catch { return .failure(error) }
    }
    return try result.get()
  }
}
