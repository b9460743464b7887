internal import CairnModel
internal import Logging
internal import NIOCore
internal import Synchronization

/// Entries of a catalog that make no sense: left out of what is read, counted, and reported to the operator.
///
/// This is for what is written again by itself or only informs: heartbeats, marks, waiting work. An object, an upload or
/// a list of volumes that can't be read fails the request instead, because a list without them would claim that they
/// don't exist.
final class SkippedEntries: Sendable {
  enum Kind: String, Sendable {
    case heartbeat
    /// Only where it was replaced: what it named is not known.
    case object
    case openVolume = "open volume"
    case reconciledNode = "reconciled node"
    case repairWork = "repair work"
    case replayMark = "replay mark"
  }

  private struct State {
    var count = 0
    var reported: [Kind: NIODeadline] = [:]
  }

  /// An entry that stays as it is is read once a second or more often.
  private static let reminderInterval = TimeAmount.seconds(30)

  private let logger: Logger
  private let state = Mutex(State())

  init(logger: Logger) {
    self.logger = logger
  }

  /// How often an entry was left out.
  var count: Int { state.withLock { $0.count } }

  /// What `decode` makes of an entry; nil where it throws.
  ///
  /// - Parameter entry: the entry's name in the catalog.
  func read<Value>(
    _ kind: Kind, _ entry: @autoclosure () -> String, _ decode: () throws(CatalogError) -> Value
  ) -> Value? {
    do throws(CatalogError) { return try decode() } catch {
      note(kind, entry(), error)
      return nil
    }
  }

  func note(_ kind: Kind, _ entry: String, _ error: CatalogError, now: NIODeadline = .now()) {
    let (count, isNews) = state.withLock { state in
      state.count += 1
      if let last = state.reported[kind], now < last + Self.reminderInterval { return (state.count, false) }
      state.reported[kind] = now
      return (state.count, true)
    }
    logger.log(
      level: isNews ? .warning : .debug, "catalog entry skipped: it can't be understood",
      metadata: ["kind": "\(kind.rawValue)", "entry": "\(entry)", "error": "\(error)", "skipped": "\(count)"])
  }
}
