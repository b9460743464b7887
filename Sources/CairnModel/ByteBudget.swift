internal import Synchronization

/// The memory that all request bodies together may hold. A stream that wants a chunk waits its turn; past a
/// limit of waiters, or of time, it is refused instead of queued.
package final class ByteBudget: Sendable {
  /// Uploads that wait for memory; one more is refused.
  private static let waitersMax = 1024

  private struct Waiter {
    let id: UInt64
    let count: Int
    let continuation: CheckedContinuation<Bool, Never>
  }

  private struct State {
    var free: Int
    var waiters: [Waiter] = []
    var lastID: UInt64 = 0
  }

  private let state: Mutex<State>
  private let patience: Duration

  /// - Parameters:
  ///   - bytes: in all.
  ///   - patience: how long a stream waits for its turn.
  package init(bytes: Int, patience: Duration = .seconds(30)) {
    state = Mutex(State(free: bytes))
    self.patience = patience
  }

  /// Takes `count` bytes. False when they could not be had in time, or the task was cancelled.
  package func take(_ count: Int) async -> Bool {
    let id = state.withLock { state -> UInt64? in
      if state.waiters.isEmpty, state.free >= count {
        state.free -= count
        return nil
      }
      state.lastID += 1
      return state.lastID
    }
    guard let id else { return true }
    let patience = patience
    let timeout = Task {
      try await Task.sleep(for: patience)
      self.giveUp(id)
    }
    defer { timeout.cancel() }
    return await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let refused = state.withLock { state -> Bool in
          if Task.isCancelled || state.waiters.count >= Self.waitersMax { return true }
          state.waiters.append(Waiter(id: id, count: count, continuation: continuation))
          return false
        }
        if refused { continuation.resume(returning: false) }
        admit()
      }
    } onCancel: {
      giveUp(id)
    }
  }

  package func giveBack(_ count: Int) {
    guard count > 0 else { return }
    state.withLock { $0.free += count }
    admit()
  }

  /// First come, first served: a large wish is not starved by small ones behind it.
  private func admit() {
    let admitted = state.withLock { state -> [Waiter] in
      var admitted: [Waiter] = []
      while let first = state.waiters.first, state.free >= first.count {
        state.free -= first.count
        admitted.append(state.waiters.removeFirst())
      }
      return admitted
    }
    for waiter in admitted { waiter.continuation.resume(returning: true) }
  }

  private func giveUp(_ id: UInt64) {
    let waiter = state.withLock { state -> Waiter? in
      state.waiters.firstIndex { $0.id == id }.map { state.waiters.remove(at: $0) }
    }
    waiter?.continuation.resume(returning: false)
  }
}
