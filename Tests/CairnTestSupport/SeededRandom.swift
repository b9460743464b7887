/// Random numbers that can be had again: SplitMix64 (Steele, Lea and Flood, 2014).
package struct SeededRandom: RandomNumberGenerator, Sendable {
  package static let variable = "CAIRN_TEST_SEED"

  package let seed: UInt64
  private var state: UInt64

  package init(seed: UInt64) {
    self.seed = seed
    state = seed
  }

  /// Takes the seed from `CAIRN_TEST_SEED`, or a new one, and prints it: a failed test can be run again as it was.
  package init(for test: String) {
    let seed = Environment.variable(Self.variable).flatMap { UInt64($0) } ?? .random(in: .min ... .max)
    print("\(test): \(Self.variable)=\(seed)")
    self.init(seed: seed)
  }

  package mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var value = state
    value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
    value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
    return value ^ value >> 31
  }
}
