import CairnCatalog
import CairnClient
import CairnHTTP
import CairnModel
import CairnObjects
import Foundation
import NIOCore
import Synchronization

/// What `cairn recover` prints: progress on standard error, results on standard output.
final class RecoverOutput: Sendable {
  private static let interval: Duration = .seconds(1)

  private let printsJSON: Bool
  /// In JSON they are one list, so they wait for its end.
  private let differences = Mutex<[String]>([])
  /// Of a line that could not be written, which the summary reports.
  private let failure = Mutex<ClientError?>(nil)
  private let last = Mutex<(phase: RecoveryProgress.Phase?, at: ContinuousClock.Instant)>((nil, .now))

  init(printsJSON: Bool) {
    self.printsJSON = printsJSON
  }

  /// A line on standard error.
  static func note(_ text: String) { FileHandle.note(text, of: "recover") }

  /// A line from time to time, and with each change of phase.
  func progress(_ progress: RecoveryProgress) {
    let isDue = last.withLock { last in
      let isLast = progress.volumesDone == progress.volumeCount
      guard last.phase != progress.phase || isLast || last.at.duration(to: .now) >= Self.interval else { return false }
      last = (progress.phase, .now)
      return true
    }
    guard isDue else { return }
    let restored = progress.phase == .objects ? ", \(progress.restored) objects restored" : ""
    Self.note(
      "\(progress.phase.rawValue): \(progress.volumesDone) of \(progress.volumeCount) volumes, "
        + "\(progress.records) records\(restored)")
  }

  func summary(_ outcome: RecoveryOutcome, nodeCount: Int) throws(ClientError) {
    noteGaps(outcome.unreadable, outcome.unreachable)
    if printsJSON {
      var json = JSONText()
      json.object { json in
        json.member("nodes", nodeCount)
        json.member("volumes", outcome.volumes)
        json.member("volumes_added", outcome.volumesAdded)
        json.member("volumes_unreadable", outcome.unreadable.count)
        json.member("records", outcome.records)
        json.member("objects_restored", outcome.restored)
        json.member("objects_removed", outcome.removed)
        json.member("records_copied", outcome.copied)
        json.member("writes_refused", outcome.refused)
        json.key("repaired")
        json.array(outcome.repaired) { $0.string($1.description) }
        json.key("differences")
        json.array(outcome.differences) { $0.string($1.description) }
      }
      try StandardOutput.line(String(buffer: json.buffer))
    } else {
      try StandardOutput.line(
        "recovered from \(nodeCount) nodes: \(outcome.volumes) volumes (\(outcome.volumesAdded) added), "
          + "\(outcome.records) records, \(outcome.restored) objects restored, \(outcome.removed) deleted objects removed"
      )
      if outcome.copied + outcome.refused > 0 {
        try StandardOutput.line(
          "replicas differed: \(outcome.copied) records copied to replicas that lacked them, \(outcome.refused) writes "
            + "refused that were never acknowledged")
      }
      for difference in outcome.repaired { try StandardOutput.line("repaired: \(difference)") }
      for difference in outcome.differences { try StandardOutput.line("left as it is: \(difference)") }
    }
  }

  private func noteGaps(_ unreadable: [VolumeID: String], _ unreachable: [NodeID: String]) {
    for (volume, reason) in unreadable.sorted(by: { $0.key < $1.key }) {
      Self.note("volume \(volume) could not be read: \(reason)")
    }
    for (node, reason) in unreachable.sorted(by: { $0.key < $1.key }) {
      Self.note("node \(node) did not answer: \(reason)")
    }
  }

  /// A line for a difference that `--verify` found.
  func difference(_ difference: CatalogDifference) {
    guard !printsJSON else { return differences.withLock { $0.append(difference.description) } }
    do throws(ClientError) { try StandardOutput.line(difference.description) } catch {
      failure.withLock { $0 = $0 ?? error }
    }
  }

  func summary(_ outcome: CatalogComparison.Outcome, nodeCount: Int) throws(ClientError) {
    noteGaps(outcome.unreadable, outcome.unreachable)
    if let failure = failure.withLock({ $0 }) { throw failure }
    guard printsJSON else {
      return try StandardOutput.line(
        "compared with \(nodeCount) nodes: \(outcome.objects) objects in the catalog, \(outcome.volumes) volumes and "
          + "\(outcome.records) records on disk, \(outcome.differences) differences")
    }
    var json = JSONText()
    json.object { json in
      json.member("nodes", nodeCount)
      json.member("objects", outcome.objects)
      json.member("volumes", outcome.volumes)
      json.member("volumes_unreadable", outcome.unreadable.count)
      json.member("records", outcome.records)
      json.member("differences", differences.withLock { $0 })
    }
    try StandardOutput.line(String(buffer: json.buffer))
  }
}

extension FileHandle {
  /// A line of a command on standard error.
  static func note(_ text: String, of command: String) {
    try? standardError.write(contentsOf: Data("cairn \(command): \(text)\n".utf8))
  }
}
