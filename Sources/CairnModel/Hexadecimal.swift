extension UInt64 {
  /// 16 lower-case hexadecimal digits.
  package var hexadecimal: String {
    withUnsafeBytes(of: bigEndian) { hexadecimalString($0) }
  }

  /// Reads 1 to 16 hexadecimal digits; nil for anything else.
  package init?(hexadecimal digits: some Sequence<UInt8>) {
    var value: UInt64 = 0
    var count = 0
    for digit in digits {
      guard count < 16, let nibble = digit.hexadecimalValue else { return nil }
      value = value << 4 | UInt64(nibble)
      count += 1
    }
    guard count > 0 else { return nil }
    self = value
  }
}

extension UInt8 {
  /// The value of an ASCII hexadecimal digit of either case.
  package var hexadecimalValue: UInt8? {
    switch self {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): self - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): self - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): self - UInt8(ascii: "A") + 10
    default: nil
    }
  }

  /// The ASCII code of the lower-case digit for the low four bits.
  fileprivate static func hexadecimalDigit(_ nibble: UInt8) -> UInt8 {
    nibble < 10 ? UInt8(ascii: "0") + nibble : UInt8(ascii: "a") + nibble - 10
  }
}

/// Two lower-case hexadecimal digits for each byte.
package func hexadecimalString(_ bytes: [UInt8]) -> String {
  bytes.withUnsafeBytes(hexadecimalString)
}

/// Two lower-case hexadecimal digits for each byte. Not generic: little specialises across modules.
package func hexadecimalString(_ bytes: UnsafeRawBufferPointer) -> String {
  String(unsafeUninitializedCapacity: bytes.count * 2) { digits in
    var index = 0
    for byte in bytes {
      digits[index] = UInt8.hexadecimalDigit(byte >> 4)
      digits[index + 1] = UInt8.hexadecimalDigit(byte & 0x0F)
      index += 2
    }
    return index
  }
}

/// The bytes that pairs of hexadecimal digits stand for; nil when `text` is not made of such pairs.
package func bytes(hexadecimal text: some StringProtocol) -> [UInt8]? {
  var text = String(text)
  return text.withUTF8 { bytes(hexadecimal: $0) }
}

/// Not generic: little specialises across modules.
private func bytes(hexadecimal digits: UnsafeBufferPointer<UInt8>) -> [UInt8]? {
  guard digits.count.isMultiple(of: 2) else { return nil }
  var bytes: [UInt8] = []
  bytes.reserveCapacity(digits.count / 2)
  for index in stride(from: 0, to: digits.count, by: 2) {
    guard let high = digits[index].hexadecimalValue, let low = digits[index + 1].hexadecimalValue else { return nil }
    bytes.append(high << 4 | low)
  }
  return bytes
}
