internal import CairnCatalog
internal import CairnModel
internal import CairnNodeClient

extension VolumeWork {
  /// Tries of one piece of work, 30 s in all. A volume has one piece of work at a time, so what fails stands in the way
  /// of what would help, such as a copy elsewhere; the planner and the reads find again what is still to be done.
  private static let attemptsMax = 5
  private static let delayMax: Duration = .seconds(300)
  /// While the catalog or the only replica is away nothing is lost by waiting, but it is to be found soon.
  private static let awayDelayMax: Duration = .seconds(30)

  /// How long to wait after a failure, by its kind; nil to give the work up.
  ///
  /// - Parameter attempt: which try failed, 1 for the first.
  func retryDelay(after error: RepairError, attempt: Int) -> Duration? {
    let growing = Duration.seconds(1) * (1 << min(attempt, 10))
    switch error {
    case .damaged:
      // What no replica has doesn't come with time: the planner looks again when something has changed.
      return nil
    case .catalog(.unavailable):
      // It says nothing about the work.
      return min(growing, Self.awayDelayMax)
    case .noSource where isCompletion:
      // Nothing else could help the volume: the node has to come back.
      return min(growing, Self.awayDelayMax)
    case .node(.refused(_, .readOnly, _)) where attempt < Self.attemptsMax:
      // Room comes with deletions and with new nodes, not within seconds.
      return Self.awayDelayMax
    default:
      return attempt < Self.attemptsMax || !isAlone ? min(growing, Self.delayMax) : nil
    }
  }
}
