package import CairnModel

/// Work for background workers, each piece done by one of them at a time.
///
/// Work waits until a worker claims it, runs until that worker says how it ended, and is claimed by another one where
/// the worker says nothing for the time of its lease: so each piece may be done more than once, and must bear that.
/// What was claimed first may still be at it then; its words about the claim have no effect any more.
package protocol RepairQueue: Sendable {
  /// Adds `work` at the end, or at the end of what is urgent and ahead of all else; false where work with its key waits, runs or will be tried again: then nothing is changed.
  ///
  /// So work must look at how things are while it is done, not at how they were when it was added; and what changes
  /// while it runs must be found by whoever looks for work the next time.
  ///
  /// - Parameter isUrgent: until it has failed once: what fails must not stand in the way of the rest.
  @discardableResult
  func enqueue(_ work: RepairWork, isUrgent: Bool) async throws(CatalogError) -> Bool

  /// Gives up to `limit` pieces of work to `worker`: first those whose worker's lease has ended, then what waits, in
  /// its order; what is to be tried again waits at the end, from its time on. Never more than
  /// ``RepairLimits/claimMax``.
  ///
  /// When the answer is lost, what was claimed with it comes back after `lease`.
  ///
  /// - Parameters:
  ///   - worker: a name that lasts: Redis remembers each that ever claimed.
  ///   - lease: how long the work is the worker's, up to ``RepairLimits/leaseMax``, if it isn't renewed.
  func claim(worker: String, limit: Int, lease: Duration) async throws(CatalogError) -> [ClaimedWork]

  /// Makes the lease end `lease` from now; false where the claim has no effect any more: somebody else has the work
  /// now, or it has ended.
  func renew(_ claimed: ClaimedWork, lease: Duration) async throws(CatalogError) -> Bool

  /// Removes work that is done; false where the claim has no effect any more.
  @discardableResult
  func complete(_ claimed: ClaimedWork) async throws(CatalogError) -> Bool

  /// Gives work back that could not be done: it waits again after `retryAfter`. False where the claim has no effect any
  /// more.
  @discardableResult
  func fail(_ claimed: ClaimedWork, error: String, retryAfter: Duration) async throws(CatalogError) -> Bool

  /// Notes for ``list(limit:)`` how far the work is; false where the claim has no effect any more. It renews nothing.
  @discardableResult
  func progress(_ claimed: ClaimedWork, done: UInt64, total: UInt64) async throws(CatalogError) -> Bool

  /// Up to `limit` pieces of work: what runs, then what waits in its order, then what is to be tried again, the soonest
  /// first. Urgent work that waits may come before what runs.
  func list(limit: Int) async throws(CatalogError) -> [QueuedWork]

  /// All work that has not ended. O(1) or, in SQLite, O(n).
  func count() async throws(CatalogError) -> Int
}

extension RepairQueue {
  /// Adds work that isn't urgent.
  @discardableResult
  package func enqueue(_ work: RepairWork) async throws(CatalogError) -> Bool {
    try await enqueue(work, isUrgent: false)
  }
}

package enum RepairLimits {
  /// Pieces of work in one claim at most, so that no claim holds the catalog up.
  package static let claimMax = 1000
  /// The longest lease: nobody should wait longer for a dead worker's work.
  package static let leaseMax: Duration = .seconds(86_400)
  /// How much longer than it did urgent work seems to have waited: longer than any other work does (34 years).
  static let urgencyMilliseconds: Int64 = 1 << 40
}

/// A piece of work, as the one who found it says.
package struct RepairWork: Hashable, Sendable {
  /// Names the work: of the same key there is one at a time.
  package var key: String
  /// What kind of work it is, for the worker who takes it and the operator who looks on.
  package var kind: String
  /// What the worker needs to know. The queue doesn't look into it.
  package var payload: [UInt8]

  package init(key: String, kind: String, payload: [UInt8]) {
    self.key = key
    self.kind = kind
    self.payload = payload
  }
}

/// Work that a worker has, and what proves it.
package struct ClaimedWork: Hashable, Sendable {
  package let work: RepairWork
  package let worker: String
  /// How often the work was claimed, with this time: 1 for the first. Work that kills its workers has a great one.
  package let attempt: Int
  /// The catalog's own name of the work's place in the queue: with the attempt, no two claims have the same.
  let place: String

  init(work: RepairWork, worker: String, attempt: Int, place: String) {
    self.work = work
    self.worker = worker
    self.attempt = attempt
    self.place = place
  }
}

/// Work as the status shows it.
package struct QueuedWork: Hashable, Sendable {
  package enum State: Hashable, Sendable {
    case waiting
    /// Claimed. If its worker died, it stays so until another one claims it.
    case running
    /// Failed, and not to be tried again before its time.
    case retrying
  }

  package struct Progress: Hashable, Sendable {
    package var done: UInt64
    package var total: UInt64

    package init(done: UInt64, total: UInt64) {
      self.done = done
      self.total = total
    }
  }

  package var work: RepairWork
  package var state: State
  /// Who has it, or had it last.
  package var worker: String?
  /// How often it was claimed.
  package var attempts: Int
  /// What the last failure said.
  package var lastError: String?
  /// What the worker who has it, or had it last, said.
  package var progress: Progress?
  /// When it came into its state, by the catalog's clock.
  package var since: Timestamp
}

extension Duration {
  /// Whole milliseconds of a lease, not more than ``RepairLimits/leaseMax``.
  var leaseMilliseconds: UInt64 { min(self, RepairLimits.leaseMax).milliseconds }
}
