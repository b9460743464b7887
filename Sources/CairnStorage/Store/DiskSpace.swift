internal import CairnModel
internal import Synchronization

/// Bytes on the file system of a store.
package struct StorageSpace: Hashable, Sendable {
  package var capacity: UInt64
  /// What can still be written before the reserve is reached.
  package var available: UInt64
  /// The reserve is reached: no appends and no new volumes.
  package var readOnly: Bool
}

/// Watches the free space of a file system. It asks the system at most once a second, or when much was written.
final class DiskSpace: Sendable {
  private static let refreshInterval: UInt64 = 1_000_000_000
  private static let refreshBytes: UInt64 = 16 << 20

  private struct State {
    var space: FileOperations.Space
    var asked: Timestamp
    /// Since then.
    var written: UInt64 = 0

    var free: UInt64 { space.free > written ? space.free - written : 0 }
  }

  private let path: String
  private let reserve: UInt64
  private let operations: FileOperations
  private let now: @Sendable () -> Timestamp
  private let state: Mutex<State>

  init(
    path: String, reserve: UInt64, operations: FileOperations, now: @escaping @Sendable () -> Timestamp
  ) throws(StorageError) {
    self.path = path
    self.reserve = reserve
    self.operations = operations
    self.now = now
    do throws(SystemError) {
      state = Mutex(State(space: try operations.space(path), asked: now()))
    } catch {
      throw .io(error, path: path)
    }
  }

  func current() -> StorageSpace {
    state.withLock { state in
      refresh(&state, adding: 0)
      let free = state.free
      return StorageSpace(
        capacity: state.space.capacity, available: free > reserve ? free - reserve : 0, readOnly: free < reserve)
    }
  }

  /// Counts `bytes` as about to be written.
  ///
  /// - Parameter usingReserve: for what makes room: a tombstone, which a full disk must take to become less full.
  /// - Throws: ``StorageError/readOnly(free:reserve:)`` when they are not to be written.
  func admit(_ bytes: UInt64, usingReserve: Bool = false) throws(StorageError) {
    try state.withLock { (state) throws(StorageError) in
      refresh(&state, adding: bytes)
      let free = state.free
      guard usingReserve || free >= reserve, free >= bytes else { throw .readOnly(free: free, reserve: reserve) }
      state.written += bytes
    }
  }

  /// Counts `bytes` as about to be written, unless so much of what is left had better be kept for data.
  func admitAhead(_ bytes: UInt64) -> Bool {
    state.withLock { state in
      refresh(&state, adding: bytes)
      guard state.free > reserve, bytes <= (state.free - reserve) / Self.aheadFraction else { return false }
      state.written += bytes
      return true
    }
  }

  private static let aheadFraction: UInt64 = 256

  /// What to answer when the system itself said that there is no space.
  func exhausted() -> StorageError {
    state.withLock { state in
      state.asked = Timestamp(nanosecondsSinceEpoch: 0)
      refresh(&state, adding: 0)
      return .readOnly(free: state.free, reserve: reserve)
    }
  }

  /// Whether a rewritten log of `bytes` may be put beside the old one. It may use half of the reserve: it makes room.
  func admitsCompaction(of bytes: UInt64) -> Bool {
    state.withLock { state in
      refresh(&state, adding: 0)
      return state.free > bytes + reserve / 2
    }
  }

  private func refresh(_ state: inout State, adding bytes: UInt64) {
    let time = now()
    // A clock that was set back makes the difference huge, and so a refresh.
    let age = time.nanosecondsSinceEpoch &- state.asked.nanosecondsSinceEpoch
    guard age >= Self.refreshInterval || state.written + bytes > Self.refreshBytes else { return }
    // When the system doesn't answer, the last answer stands.
    if let space = try? operations.space(path) {
      state.space = space
      state.written = 0
    }
    state.asked = time
  }
}
