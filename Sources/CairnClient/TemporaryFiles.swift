internal import Synchronization

/// The files of downloads that are not complete, so that an interruption leaves none behind.
package final class TemporaryFiles: Sendable {
  private struct State {
    var entries: Set<FolderEntry> = []
    var isClosed = false
  }

  private let state = Mutex(State())

  package init() {}

  /// Makes a file with `make`, unless all were removed for good.
  func add<Made>(_ entry: FolderEntry, _ make: () throws(ClientError) -> Made) throws(ClientError) -> Made {
    try state.withLock { state throws(ClientError) in
      guard !state.isClosed else { throw .broken("interrupted") }
      let made = try make()
      state.entries.insert(entry)
      return made
    }
  }

  /// Forgets a file, after `last` was done with it.
  func remove(_ entry: FolderEntry, _ last: () throws(ClientError) -> Void) throws(ClientError) {
    try state.withLock { state throws(ClientError) in
      guard !state.isClosed else { throw .broken("interrupted") }
      state.entries.remove(entry)
      try last()
    }
  }

  /// Removes every file, and lets no other be made.
  package func removeAll() {
    state.withLock { state in
      state.isClosed = true
      for entry in state.entries { _ = entry.unlink() }
      state.entries = []
    }
  }
}
