internal import Synchronization

/// Knows when every write that had begun at some moment has ended.
///
/// Two counters take turns: a write counts in the current one; ``settle()`` turns them over and waits until the
/// other one is back at zero.
package final class WriteBarrier: Sendable {
  /// The counter that a write has to be signed off.
  struct Ticket: Hashable, Sendable {
    fileprivate let side: Int
  }

  private struct State {
    var current = 0
    var counts = [0, 0]
    var settled: CheckedContinuation<Void, Never>?
  }

  private let state = Mutex(State())

  package init() {}

  func enter() -> Ticket {
    state.withLock { state in
      state.counts[state.current] += 1
      return Ticket(side: state.current)
    }
  }

  func leave(_ ticket: Ticket) {
    let settled = state.withLock { state -> CheckedContinuation<Void, Never>? in
      state.counts[ticket.side] -= 1
      guard ticket.side != state.current, state.counts[ticket.side] == 0 else { return nil }
      defer { state.settled = nil }
      return state.settled
    }
    settled?.resume()
  }

  /// Returns when every write that had entered before the call has left. One caller at a time.
  func settle() async {
    await withCheckedContinuation { continuation in
      let isSettled = state.withLock { state in
        precondition(state.settled == nil, "two callers of settle()")
        state.current = 1 - state.current
        guard state.counts[1 - state.current] > 0 else { return true }
        state.settled = continuation
        return false
      }
      if isSettled { continuation.resume() }
    }
  }
}
