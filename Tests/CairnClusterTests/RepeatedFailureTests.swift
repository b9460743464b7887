import CairnCluster
import Testing

@Suite struct RepeatedFailureTests {
  @Test func itIsToldAtFirstAndThenRarely() {
    var failure = RepeatedFailure()
    let start = ContinuousClock.now
    let told = (0..<130).filter { failure.isNews("refused", at: start + .seconds($0)) }
    #expect(told == [0, 60, 120])
  }

  @Test func anotherFailureIsNewsAndSoIsTheNextOneAfterASuccess() {
    var failure = RepeatedFailure()
    let now = ContinuousClock.now
    var told = ["refused", "closed"].map { failure.isNews($0, at: now) }
    failure.end()
    told += ["closed", "closed"].map { failure.isNews($0, at: now) }
    #expect(told == [true, true, true, false])
  }
}
