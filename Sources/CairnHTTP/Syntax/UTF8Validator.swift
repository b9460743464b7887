package import NIOCore

/// Checks that bytes are UTF-8 (RFC 3629) as they arrive, however they are split.
package struct UTF8Validator {
  /// Continuation bytes that the current character still lacks.
  private var missing = 0
  /// What the next continuation byte may be: the first one tells overlong forms and surrogates.
  private var allowed: ClosedRange<UInt8> = 0x80...0xBF

  package init() {}

  /// Nothing is missing of the last character.
  package var isComplete: Bool { missing == 0 }

  /// - Returns: false when the bytes, after all before, can't be UTF-8.
  package mutating func accept(_ bytes: ByteBuffer) -> Bool {
    bytes.withUnsafeReadableBytes { accept($0) }
  }

  package mutating func accept(_ bytes: UnsafeRawBufferPointer) -> Bool {
    var index = 0
    while index < bytes.count {
      if missing == 0 {
        // Eight ASCII characters at once.
        while index + 8 <= bytes.count,
          bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self) & 0x8080_8080_8080_8080 == 0
        {
          index += 8
        }
        guard index < bytes.count else { return true }
      }
      guard accept(bytes[index]) else { return false }
      index += 1
    }
    return true
  }

  private mutating func accept(_ byte: UInt8) -> Bool {
    if missing > 0 {
      guard allowed.contains(byte) else { return false }
      missing -= 1
      allowed = 0x80...0xBF
      return true
    }
    switch byte {
    case 0x00...0x7F: return true
    case 0xC2...0xDF: missing = 1
    case 0xE0: (missing, allowed) = (2, 0xA0...0xBF)
    case 0xED: (missing, allowed) = (2, 0x80...0x9F)
    case 0xE1...0xEF: missing = 2
    case 0xF0: (missing, allowed) = (3, 0x90...0xBF)
    case 0xF4: (missing, allowed) = (3, 0x80...0x8F)
    case 0xF1...0xF3: missing = 3
    default: return false
    }
    return true
  }
}
