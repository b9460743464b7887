/// A random number generator with a seed, so that a failing test can be run again.
package struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64

  package init(seed: UInt64) {
    state = seed
  }

  /// Takes the seed from `CAIRN_TEST_SEED` where it is set, and prints it.
  package static func forTest(_ name: String = #function) -> SeededGenerator {
    let seed = Environment.variable("CAIRN_TEST_SEED").flatMap { UInt64($0) } ?? .random(in: 0...UInt64.max)
    print("\(name): CAIRN_TEST_SEED=\(seed)")
    return SeededGenerator(seed: seed)
  }

  /// SplitMix64 (Steele, Lea and Flood, 2014).
  package mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}
