import CairnTestSupport

/// Makes inputs out of others. Blind to what the parser does with them: that is what libFuzzer is for.
struct Mutator {
  private static let tokens: [String] = [
    "\r\n", "\n", "\0", "\u{FF}", ":", ";", ",", "=", "&", "%", "%00", "%2F", "+", "/", "//", "..", "\"", "\\", "'",
    "<", ">",
    "{", "}", "[", "]", "é", "e\u{301}", "\u{338}", "\u{FEFF}", "\u{1F468}\u{200D}\u{1F469}", "-1", "-", "0", "1e999",
    "18446744073709551615", "18446744073709551616", "9223372036854775807", "9223372036854775808", "4294967296", "65536",
    "ffffffffffffffff", "2555", "9999", "00000000T000000Z",
  ]

  private var random: SeededRandom
  /// Inputs to start from, and to take pieces of.
  private let inputs: [[UInt8]]

  init(seed: UInt64, inputs: [[UInt8]]) {
    random = SeededRandom(seed: seed)
    self.inputs = inputs
  }

  mutating func next() -> [UInt8] {
    var bytes = inputs.randomElement(using: &random) ?? []
    for _ in 0..<Int.random(in: 1...6, using: &random) { change(&bytes) }
    return Array(bytes.prefix(FuzzTarget.inputLengthMax))
  }

  private mutating func change(_ bytes: inout [UInt8]) {
    let place = Int.random(in: 0...bytes.count, using: &random)
    let length = Int.random(in: 0...min(bytes.count - place, 32), using: &random)
    let range = place..<place + length
    switch Int.random(in: 0..<10, using: &random) {
    case 0 where place < bytes.count: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
    case 1 where place < bytes.count: bytes[place] = [0, 0x20, 0x7F, 0x80, 0xFF].randomElement(using: &random) ?? 0
    case 2 where place < bytes.count: bytes[place] = .random(in: 0...255, using: &random)
    case 3: bytes.removeSubrange(range)
    case 4: bytes.insert(contentsOf: bytes[range], at: place)
    case 5: bytes.replaceSubrange(range, with: Array((Self.tokens.randomElement(using: &random) ?? "").utf8))
    case 6: bytes.insert(contentsOf: Array((Self.tokens.randomElement(using: &random) ?? "").utf8), at: place)
    case 7: bytes.replaceSubrange(range, with: piece())
    case 8: bytes.replaceSubrange(range, with: repeatElement(UInt8.random(in: 0...1, using: &random) &* 255, count: 8))
    case 9 where Int.random(in: 0..<16, using: &random) == 0 && !range.isEmpty:
      // Past the limits that parsers have.
      let copies = Int.random(in: 1...(64 << 10), using: &random) / length
      bytes.insert(contentsOf: Array(repeatElement(bytes[range], count: copies).joined()), at: place)
    default: bytes.append(.random(in: 0...255, using: &random))
    }
  }

  /// Some bytes of another input.
  private mutating func piece() -> [UInt8] {
    guard let other = inputs.randomElement(using: &random), !other.isEmpty else { return [] }
    let start = Int.random(in: 0..<other.count, using: &random)
    return Array(other[start..<Int.random(in: start...other.count, using: &random)])
  }
}
