import CairnTestSupport
import Glibc

/// A content that says which one it is, so that whoever reads it can check every byte without asking who wrote it.
struct ChaosValue: Sendable {
  private static let headerLength = 24

  let number: Int
  let bytes: [UInt8]

  /// - Parameter seed: of the run; the same number has other bytes in another run.
  init(_ number: Int, seed: UInt64) {
    var random = SeededRandom(seed: seed &+ UInt64(number) &* 0x9E37_79B9)
    let count =
      switch Int.random(in: 0..<1000, using: &random) {
      case 0..<600: Int.random(in: 0...4096, using: &random)
      case 600..<900: Int.random(in: 4097...65_536, using: &random)
      case 900..<985: Int.random(in: 65_537...600_000, using: &random)
      default: Int.random(in: 8_388_600...10_000_000, using: &random)
      }
    let offset = Int.random(in: 0..<16 << 20, using: &random)
    let digits = String(number)
    let header = String(repeating: "0", count: Self.headerLength - 1 - digits.count) + digits + "\n"
    self.number = number
    bytes = Array(header.utf8) + RandomBytes.slice(from: offset, count: count)
  }

  /// What was read.
  ///
  /// - Parameters:
  ///   - found: the bytes, from the first one on.
  ///   - isWhole: false for a range of the value's first bytes.
  /// - Returns: the value's number, or nil where it is none that a client wrote.
  static func number(of found: [UInt8], seed: UInt64, isWhole: Bool = true) -> Int? {
    guard found.count >= headerLength, found[headerLength - 1] == UInt8(ascii: "\n"),
      let number = Int(String(decoding: found[..<(headerLength - 1)], as: UTF8.self))
    else { return nil }
    let expected = ChaosValue(number, seed: seed).bytes
    guard !isWhole || found.count == expected.count else { return nil }
    return found.isStart(of: expected) ? number : nil
  }
}

extension [UInt8] {
  /// Whether `other` begins with these. One comparison of memory: a loop over bytes takes its time in a debug build.
  fileprivate func isStart(of other: [UInt8]) -> Bool {
    count <= other.count
      && withUnsafeBytes { own in
        other.withUnsafeBytes { other in
          guard let left = own.baseAddress, let right = other.baseAddress else { return true }
          return memcmp(left, right, own.count) == 0
        }
      }
  }
}
