import CairnModel
import Testing

@Suite struct BlobIDGeneratorTests {
  /// SplitMix64's state as it was when it gave this number.
  private func state(behind output: UInt64) -> UInt64 {
    func undoShift(_ value: UInt64, _ shift: UInt64) -> UInt64 {
      var result = value
      for _ in 0..<(64 / shift) { result = value ^ (result >> shift) }
      return result
    }
    /// By Newton's iteration: each step doubles the number of correct bits.
    func inverse(_ odd: UInt64) -> UInt64 {
      var result = odd
      for _ in 0..<6 { result = result &* (2 &- odd &* result) }
      return result
    }
    let second = undoShift(output, 31) &* inverse(0x94D0_49BB_1331_11EB)
    return undoShift(undoShift(second, 27) &* inverse(0xBF58_476D_1CE4_E5B9), 30)
  }

  private func output(of state: UInt64) -> UInt64 {
    var low = (state ^ state >> 30) &* 0xBF58_476D_1CE4_E5B9
    low = (low ^ low >> 27) &* 0x94D0_49BB_1331_11EB
    return low ^ low >> 31
  }

  @Test func anUploadsIDCanNotBeComputedFromOtherIDs() {
    let ids = BlobIDGenerator()
    var states: [UInt64] = []
    for _ in 0..<3 { states.append(state(behind: ids.next().low)) }
    // The attack works on ordinary ids, so that the test would notice them.
    #expect(output(of: states[0] &+ 0x9E37_79B9_7F4A_7C15) == output(of: states[1]))
    let guesses = Set((0..<1000).map { output(of: states[2] &+ $0 &* 0x9E37_79B9_7F4A_7C15) })
    var seen: Set<UInt64> = []
    for _ in 0..<100 {
      let id = ids.nextUnpredictable()
      #expect(!guesses.contains(id.low))
      #expect(!guesses.contains(output(of: state(behind: id.low) &+ 0x9E37_79B9_7F4A_7C15)))
      #expect(seen.insert(id.low).inserted)
    }
  }

  @Test func unpredictableIDsIncreaseToo() {
    let ids = BlobIDGenerator(now: { Timestamp(nanosecondsSinceEpoch: 1_000_000_000) })
    var last = ids.next()
    for index in 0..<100 {
      let next = index.isMultiple(of: 2) ? ids.nextUnpredictable() : ids.next()
      #expect(last < next)
      last = next
    }
  }
}
