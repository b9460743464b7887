import CairnModel
import Testing

@Suite struct ChecksumTests {
  /// Known values of "123456789".
  @Test(arguments: [
    (ChecksumAlgorithm.crc32, "cbf43926"), (.crc32c, "e3069283"), (.crc64nvme, "ae8b14860a799888"),
    (.sha1, "f7c3bc1d808e04732adf679965ccc34ca7ae3441"),
    (.sha256, "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225"),
  ])
  func checkValue(_ algorithm: ChecksumAlgorithm, _ expected: String) {
    let checksum = ChecksumHasher.checksum(algorithm, of: "123456789".utf8)
    #expect(checksum.hexadecimal == expected)
    #expect(checksum.bytes.count == algorithm.length)
  }

  /// Bit by bit, as the definition says.
  @Test func crc64OfAnyLengthIsThatOfTheDefinition() {
    var random = SystemRandomNumberGenerator()
    for count in 0..<70 {
      let bytes = (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
      var crc = UInt64.max
      for byte in bytes {
        crc ^= UInt64(byte)
        for _ in 0..<8 { crc = crc & 1 == 1 ? crc >> 1 ^ 0x9A6C_9329_AC4B_C9B5 : crc >> 1 }
      }
      let expected = Digest(withUnsafeBytes(of: (~crc).bigEndian) { Array($0) })
      #expect(ChecksumHasher.checksum(.crc64nvme, of: bytes) == expected, "\(count) bytes")
    }
  }

  @Test(arguments: ChecksumAlgorithm.allCases)
  func piecesMakeTheSameChecksumAsTheWhole(_ algorithm: ChecksumAlgorithm) {
    let bytes = (0..<10_000).map { _ in UInt8.random(in: 0...255) }
    let whole = ChecksumHasher.checksum(algorithm, of: bytes)
    for _ in 0..<20 {
      var hasher = ChecksumHasher(algorithm)
      var parts: [(value: Digest, size: UInt64)] = []
      for piece in Self.pieces(of: bytes) {
        Array(piece).withUnsafeBytes { hasher.update($0) }
        parts.append((ChecksumHasher.checksum(algorithm, of: piece), UInt64(piece.count)))
      }
      #expect(hasher.value == whole)
      let isCombined = algorithm.polynomial != nil
      #expect(algorithm.combine(parts) == (isCombined ? whole : nil), "\(parts.map(\.size))")
    }
  }

  @Test func aChecksumOfAnotherLengthIsNotCombined() {
    let parts: [(value: Digest, size: UInt64)] = [(Digest([1, 2, 3]), 3)]
    #expect(ChecksumAlgorithm.crc32.combine(parts) == nil)
  }

  /// Some of them empty.
  private static func pieces(of bytes: [UInt8]) -> [ArraySlice<UInt8>] {
    let random: [Int] = (0..<6).map { _ in Int.random(in: 0...bytes.count) }
    let cuts = ([0, bytes.count] + random).sorted()
    return zip(cuts, cuts.dropFirst()).map { bytes[$0..<$1] }
  }
}
