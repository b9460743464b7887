internal import Synchronization

/// Whom the bytes of a ``ByteBudget`` are shared among.
package enum BudgetClient: Hashable, Sendable {
  /// Whoever holds an access key.
  case key(String)
  /// Whoever sends from an address, or from the network of addresses that one machine has.
  case address(String)
  /// Work of the server's own.
  case server
}

/// Bytes that somebody holds of a ``ByteBudget``, until they are given back.
package struct BudgetCharge: Hashable, Sendable {
  package var count = 0
  package var client = BudgetClient.server

  package init() {}
}

/// The memory that all request bodies together may hold, shared fairly among their clients.
///
/// 1. Bytes are held only after they were granted, and the grants together never exceed the budget.
/// 2. Whoever waits holds nothing for the same body: a body that can't grow at once (``takeAtOnce(_:for:)``) is stored as
///    far as it has come, gives its bytes back, and waits with empty hands. So no two bodies wait for each other, and
///    what is held is given back by storing it, which needs no grant.
/// 3. Free bytes go to the waiting client that holds the least, the earliest of several. A wish that does not fit yet is
///    not overtaken by smaller ones.
/// 4. While somebody waits, nobody is granted anything past the queue, and a client that holds more than its share (the
///    budget divided by the number of clients) is asked to give back what it holds (``mustYield(_:)``).
/// 5. Nobody waits for longer than the patience, and only ``waitersMax`` wait; all others are refused.
package final class ByteBudget: Sendable {
  /// Bodies that wait for memory; one more is refused.
  private static let waitersMax = 1024

  private struct Waiter {
    let id: UInt64
    let count: Int
    let continuation: CheckedContinuation<Bool, Never>
  }

  private struct Account {
    var held = 0
    /// In the order in which they came.
    var waiters: [Waiter] = []

    var isIdle: Bool { held == 0 && waiters.isEmpty }
  }

  private struct State {
    var free: Int
    /// Of clients that hold bytes or wait for some.
    var accounts: [BudgetClient: Account] = [:]
    var waiting: Set<BudgetClient> = []
    var waiterCount = 0
    var lastID: UInt64 = 0

    mutating func grant(_ count: Int, to client: BudgetClient) {
      free -= count
      accounts[client, default: Account()].held += count
    }
  }

  private let state: Mutex<State>
  private let bytes: Int
  private let patience: Duration

  /// - Parameters:
  ///   - bytes: in all.
  ///   - patience: how long a body waits for its turn.
  package init(bytes: Int, patience: Duration = .seconds(30)) {
    state = Mutex(State(free: bytes))
    self.bytes = bytes
    self.patience = patience
  }

  /// Bytes that nobody holds.
  package var free: Int { state.withLock { $0.free } }

  /// Bodies that wait for bytes.
  package var waiterCount: Int { state.withLock { $0.waiterCount } }

  /// Takes `count` bytes if they are free and nobody waits. For bodies that hold some already: see 2.
  package func takeAtOnce(_ count: Int, for client: BudgetClient) -> Bool {
    guard count > 0 else { return true }
    return state.withLock { state in
      guard state.waiterCount == 0, state.free >= count else { return false }
      state.grant(count, to: client)
      return true
    }
  }

  /// Takes `count` bytes. False when they could not be had in time, or the task was cancelled.
  ///
  /// The caller must hold no other bytes for the same body.
  package func take(_ count: Int, for client: BudgetClient = .server) async -> Bool {
    guard count > 0 else { return true }
    guard count <= bytes else { return false }
    if takeAtOnce(count, for: client) { return true }
    let id = state.withLock { state in
      state.lastID += 1
      return state.lastID
    }
    let patience = patience
    let timeout = Task {
      try await Task.sleep(for: patience)
      self.giveUp(id, client)
    }
    defer { timeout.cancel() }
    return await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let isRefused = state.withLock { state -> Bool in
          if Task.isCancelled || state.waiterCount >= Self.waitersMax { return true }
          state.accounts[client, default: Account()].waiters.append(
            Waiter(id: id, count: count, continuation: continuation))
          state.waiting.insert(client)
          state.waiterCount += 1
          return false
        }
        if isRefused { continuation.resume(returning: false) }
        admit()
      }
    } onCancel: {
      giveUp(id, client)
    }
  }

  package func giveBack(_ count: Int, for client: BudgetClient = .server) {
    guard count > 0 else { return }
    state.withLock { state in
      state.free += count
      state.accounts[client, default: Account()].held -= count
      if state.accounts[client]?.isIdle == true { state.accounts[client] = nil }
    }
    admit()
  }

  package func giveBack(_ charge: BudgetCharge) {
    giveBack(charge.count, for: charge.client)
  }

  /// Whether a client should give back what it holds soon, because others wait and it holds more than its share.
  package func mustYield(_ client: BudgetClient) -> Bool {
    state.withLock { state in
      guard state.waiterCount > 0, state.waiting.count > 1 || !state.waiting.contains(client) else { return false }
      return state.accounts[client].map { $0.held > bytes / state.accounts.count } ?? false
    }
  }

  private func admit() {
    let admitted = state.withLock { state -> [Waiter] in
      var admitted: [Waiter] = []
      while let client = Self.next(state), let first = state.accounts[client]?.waiters.first,
        state.free >= first.count
      {
        Self.remove(0, of: client, from: &state)
        state.grant(first.count, to: client)
        admitted.append(first)
      }
      return admitted
    }
    for waiter in admitted { waiter.continuation.resume(returning: true) }
  }

  /// Whose turn it is. O(clients that wait), which are at most ``waitersMax``.
  private static func next(_ state: State) -> BudgetClient? {
    var best: (client: BudgetClient, held: Int, id: UInt64)?
    for client in state.waiting {
      guard let account = state.accounts[client], let first = account.waiters.first else { continue }
      if let best, (best.held, best.id) < (account.held, first.id) { continue }
      best = (client, account.held, first.id)
    }
    return best?.client
  }

  private static func remove(_ index: Int, of client: BudgetClient, from state: inout State) {
    state.accounts[client]?.waiters.remove(at: index)
    state.waiterCount -= 1
    guard let account = state.accounts[client] else { return }
    if account.waiters.isEmpty { state.waiting.remove(client) }
    if account.isIdle { state.accounts[client] = nil }
  }

  private func giveUp(_ id: UInt64, _ client: BudgetClient) {
    let waiter = state.withLock { state -> Waiter? in
      guard let waiters = state.accounts[client]?.waiters, let index = waiters.firstIndex(where: { $0.id == id }) else {
        return nil
      }
      Self.remove(index, of: client, from: &state)
      return waiters[index]
    }
    guard let waiter else { return }
    waiter.continuation.resume(returning: false)
    // It may have been the one that did not fit.
    admit()
  }
}
