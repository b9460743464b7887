/// The polynomial of a reflected CRC, and what can be reckoned with it: the highest bit of a number is x⁰.
package struct CRCPolynomial: Sendable {
  /// Bits of the CRC.
  private let width: Int
  let reflected: UInt64
  /// x^(8·2ᵏ) for each k: what so many zero bytes make of a remainder.
  private let zeroBytes: [UInt64]

  package static let crc32 = CRCPolynomial(width: 32, reflected: 0xEDB8_8320)
  package static let crc32C = CRCPolynomial(width: 32, reflected: 0x82F6_3B78)
  package static let crc64NVME = CRCPolynomial(width: 64, reflected: 0x9A6C_9329_AC4B_C9B5)

  private init(width: Int, reflected: UInt64) {
    self.width = width
    self.reflected = reflected
    var powers: [UInt64] = [1 << UInt64(width - 9)]
    for index in 0..<63 {
      powers.append(Self.product(powers[index], powers[index], width: width, reflected: reflected))
    }
    zeroBytes = powers
  }

  /// The CRC of two runs of bytes, one after the other, from the CRC of each. O(log count).
  ///
  /// - Parameter count: bytes of the second.
  package func combine(_ first: UInt64, _ second: UInt64, count: UInt64) -> UInt64 {
    var first = first
    for (index, power) in zeroBytes.enumerated() where count >> UInt64(index) & 1 == 1 {
      first = Self.product(power, first, width: width, reflected: reflected)
    }
    return first ^ second
  }

  /// a·b modulo the polynomial.
  private static func product(_ a: UInt64, _ b: UInt64, width: Int, reflected: UInt64) -> UInt64 {
    var (b, product) = (b, UInt64(0))
    var bit: UInt64 = 1 << UInt64(width - 1)
    while bit != 0 {
      if a & bit != 0 { product ^= b }
      b = b & 1 == 1 ? b >> 1 ^ reflected : b >> 1
      bit >>= 1
    }
    return product
  }
}
