internal import Synchronization

/// How far the transfers of a command are. Transfers tell it from any thread; a display asks it now and then.
package final class ProgressMeter: Sendable {
  package struct Row: Hashable, Sendable {
    package var name: String
    package var done: UInt64
    /// nil where nobody knows, as of a pipe.
    package var total: UInt64?

    package init(name: String, done: UInt64, total: UInt64?) {
      self.name = name
      self.done = done
      self.total = total
    }
  }

  package struct Snapshot: Hashable, Sendable {
    /// Under way.
    package var rows: [Row]
    package var files: Int
    package var filesDone: Int
    package var done: UInt64
    /// Of all files; nil where one is unknown.
    package var total: UInt64?
    /// Bytes that really went, without those that were there already.
    package var moved: UInt64
    package var elapsed: Duration
  }

  /// One file under way.
  package struct Transfer: Sendable {
    fileprivate let meter: ProgressMeter
    fileprivate let id: Int

    /// More bytes went.
    func advance(_ bytes: Int) {
      meter.state.withLock { state in
        state.rows[id]?.done += UInt64(bytes)
        state.moved += UInt64(bytes)
      }
    }

    /// It stands somewhere else now: at the start of another try, or where an earlier one ended.
    ///
    /// - Parameter total: bytes of the file, where only now it is known.
    func restart(at done: UInt64, of total: UInt64? = nil) {
      meter.state.withLock { state in
        state.rows[id]?.done = done
        if let total { state.rows[id]?.total = total }
      }
    }

    /// Whether it worked or not.
    package func end() {
      meter.state.withLock { state in
        guard let row = state.rows.removeValue(forKey: id) else { return }
        state.filesDone += 1
        state.bytesDone += row.done
      }
    }
  }

  private struct State {
    var rows: [Int: Row] = [:]
    var next = 0
    var filesDone = 0
    var bytesDone: UInt64 = 0
    var moved: UInt64 = 0
  }

  private let state = Mutex(State())
  private let files: Int
  private let total: UInt64?
  private let start: ContinuousClock.Instant

  /// - Parameters:
  ///   - files: how many there will be.
  ///   - total: bytes of all; nil where it is not known before the end.
  package init(files: Int, total: UInt64?, start: ContinuousClock.Instant = .now) {
    self.files = files
    self.total = total
    self.start = start
  }

  package func begin(_ name: String, total: UInt64?) -> Transfer {
    let id = state.withLock { state in
      state.next += 1
      state.rows[state.next] = Row(name: name, done: 0, total: total)
      return state.next
    }
    return Transfer(meter: self, id: id)
  }

  package func snapshot(at now: ContinuousClock.Instant = .now) -> Snapshot {
    state.withLock { state in
      let rows = state.rows.sorted { $0.key < $1.key }.map(\.value)
      return Snapshot(
        rows: rows, files: files, filesDone: state.filesDone, done: rows.reduce(state.bytesDone) { $0 + $1.done },
        total: total ?? (files == 1 ? rows.first?.total : nil), moved: state.moved, elapsed: now - start)
    }
  }
}
