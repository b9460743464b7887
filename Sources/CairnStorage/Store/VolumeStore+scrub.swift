package import CairnModel
internal import Logging

extension VolumeStore {
  /// Between the starts of two rounds, so that a small store is not read again and again.
  private static let roundMin: Duration = .seconds(10)
  /// After each step, so that many small volumes don't keep a thread busy.
  private static let stepPause: Duration = .milliseconds(5)

  /// Reads every record of a volume from the disk that is not waiting for compaction, and verifies it. What is damaged
  /// is remembered until it was restored or is found intact.
  ///
  /// - Parameter bytesPerSecond: read no faster than this; 0 for no limit. No thread waits for the time to come.
  /// - Throws: ``StorageError/unknownVolume(_:)``, ``StorageError/closed``, also when the task is cancelled.
  package func scrub(_ id: VolumeID, bytesPerSecond: UInt64 = 0) async throws(StorageError) -> ScrubReport {
    let volume = try find(id)
    var (position, report) = (ScrubPosition(), ScrubReport())
    var isMore = true
    while isMore {
      guard !context.closing.isRaised, !Task.isCancelled else { throw .closed }
      let before = report.byteCount
      let started = ContinuousClock.now
      (position, report, isMore) = try await threads.perform { [position, report] () throws(StorageError) in
        var (position, report) = (position, report)
        let isMore = try volume.scrubStep(&position, into: &report)
        return (position, report, isMore)
      }
      guard bytesPerSecond > 0 else { continue }
      let due = Duration.seconds(Double(report.byteCount - before) / Double(bytesPerSecond))
      try? await Task.sleep(until: started + max(due, Self.stepPause), clock: .continuous)
    }
    return report
  }

  /// Scrubs all volumes, one after the other and again, until the task is cancelled.
  func scrubRounds() async {
    let rate = context.configuration.scrubRate
    guard rate > 0 else { return }
    while !Task.isCancelled, !context.closing.isRaised {
      let started = ContinuousClock.now
      for id in volumeIDs {
        guard !Task.isCancelled else { return }
        do throws(StorageError) {
          let report = try await scrub(id, bytesPerSecond: rate)
          guard !report.damaged.isEmpty else { continue }
          context.logger.error(
            "volume is damaged", metadata: ["volume": "\(id)", "records": "\(report.damaged.count)"])
        } catch {
          // Dropped meanwhile, or the store closes.
          context.logger.debug("scrub ended early", metadata: ["volume": "\(id)", "error": "\(error)"])
        }
      }
      try? await Task.sleep(until: started + Self.roundMin, clock: .continuous)
    }
  }
}
