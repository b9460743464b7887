internal import CLinux
internal import CSQLite
internal import Logging
internal import NIOPosix
internal import Synchronization

/// The one thread that writes. All that waits is performed together; see ``SQLiteTransaction`` for when it is
/// committed.
final class SQLiteWriter: Sendable {
  private let path: String
  private let thread: NIOThreadPool
  private let readers: SQLiteReaders
  private let checkpointPages: Int
  private let confined: Confined
  private let logger: Logger
  private let state = Mutex(State())

  private struct State {
    var waiting: [SQLiteWriteJob] = []
    /// Whether the thread has been told to work; it goes on until nothing waits.
    var isBusy = false
    var isClosed = false
  }

  /// Only the writer's thread uses what is inside.
  private final class Confined: @unchecked Sendable {
    /// Nil once it was closed.
    var transaction: SQLiteTransaction?
    var isCommitScheduled = false
    var isCheckpointing = false

    init(transaction: SQLiteTransaction) {
      self.transaction = transaction
    }
  }

  /// Jobs performed in one go: bounds how long the first of them waits for the last.
  private static let batchMax = 1024
  /// Answered changes in one transaction: bounds the memory that they take.
  private static let uncommittedMax = 8192
  /// How long answered changes wait for others to share their commit.
  private static let commitDelay: Duration = .milliseconds(20)
  /// The same after a commit that failed.
  private static let retryDelay: Duration = .seconds(1)

  /// - Parameters:
  ///   - transaction: handed over; nothing else may use it afterwards.
  ///   - thread: a started pool of one thread, shut down by ``close()``.
  ///   - readers: lend a connection for checkpoints, and are closed with the writer.
  ///   - checkpointPages: pages of log at which a checkpoint begins.
  init(
    path: String, transaction: SQLiteTransaction, thread: NIOThreadPool, readers: SQLiteReaders, checkpointPages: Int,
    logger: Logger
  ) {
    self.path = path
    self.thread = thread
    self.readers = readers
    self.checkpointPages = checkpointPages
    confined = Confined(transaction: transaction)
    self.logger = logger
  }

  /// Performs `body`, and answers when it has been committed.
  func write<Value: Sendable>(_ body: @escaping SQLiteAnsweredJob<Value>.Body) async throws(CatalogError) -> Value {
    try await submit(beforeCommit: false, body)
  }

  /// Performs `body`, which changes nothing but objects, and answers at once: the cache knows what it changed.
  func change<Value: Sendable>(_ body: @escaping SQLiteAnsweredJob<Value>.Body) async throws(CatalogError) -> Value {
    try await submit(beforeCommit: true, body)
  }

  /// Returns when all that was answered before can be seen by readers of the file.
  func flush() async throws(CatalogError) {
    try await write { _ in }
  }

  /// Performs `body` in a transaction of its own, whose commit syncs the log: with it all that was committed before.
  ///
  /// - Parameter body: must change the file, or there is nothing to sync.
  func writeDurably<Value: Sendable>(
    _ body: @escaping SQLiteAnsweredJob<Value>.Body
  ) async throws(CatalogError) -> Value {
    let result: Result<Value, CatalogError> = await withUnsafeContinuation { answer in
      let job = SQLiteAnsweredJob(body, isAnsweredBeforeCommit: false, answer: answer)
      thread.submit { _ in
        guard let transaction = self.confined.transaction else { return job.fail(self.closed) }
        transaction.performDurably(job)
      }
    }
    return try result.get()
  }

  /// Commits all that waits, moves the log into the database file, closes it and ends the thread.
  func close() async {
    let wasOpen = state.withLock { state in
      defer { state.isClosed = true }
      return !state.isClosed
    }
    guard wasOpen else { return }
    await withCheckedContinuation { done in
      thread.submit { _ in
        self.drain()
        self.readers.close()
        do throws(CatalogError) {
          try self.confined.transaction?.checkpoint(mode: SQLITE_CHECKPOINT_TRUNCATE)
        } catch {
          self.logger.warning("catalog closed without a checkpoint", metadata: ["error": "\(error)"])
        }
        self.confined.transaction = nil
        done.resume()
      }
    }
    await withCheckedContinuation { done in
      thread.shutdownGracefully { _ in done.resume() }
    }
  }

  private var closed: CatalogError { .unavailable("\(path) is closed") }

  // MARK: Jobs

  private func submit<Value: Sendable>(
    beforeCommit: Bool, _ body: @escaping SQLiteAnsweredJob<Value>.Body
  ) async throws(CatalogError) -> Value {
    // Unsafe only in that it is not checked: the writer answers each job once.
    let result: Result<Value, CatalogError> = await withUnsafeContinuation { answer in
      submit(SQLiteAnsweredJob(body, isAnsweredBeforeCommit: beforeCommit, answer: answer))
    }
    return try result.get()
  }

  private func submit(_ job: SQLiteWriteJob) {
    let (isClosed, wakes) = state.withLock { state in
      guard !state.isClosed else { return (true, false) }
      state.waiting.append(job)
      defer { state.isBusy = true }
      return (false, !state.isBusy)
    }
    if isClosed { return job.fail(closed) }
    if wakes { thread.submit { _ in self.drain() } }
  }

  private func drain() {
    // A busy event loop is not interrupted: it adds to the batch meanwhile.
    cairn_run_as_batch()
    while true {
      let batch = state.withLock { state in
        let batch = Array(state.waiting.prefix(Self.batchMax))
        state.waiting.removeFirst(batch.count)
        if batch.isEmpty { state.isBusy = false }
        return batch
      }
      guard !batch.isEmpty else { break }
      guard let transaction = confined.transaction else {
        for job in batch { job.fail(closed) }
        continue
      }
      transaction.perform(batch)
      if transaction.uncommittedCount >= Self.uncommittedMax { commit() }
    }
    scheduleCommit(after: Self.commitDelay)
  }

  // MARK: Commits and checkpoints

  private func scheduleCommit(after delay: Duration) {
    guard !confined.isCommitScheduled, let transaction = confined.transaction, transaction.uncommittedCount > 0
    else { return }
    confined.isCommitScheduled = true
    Task {
      try? await Task.sleep(for: delay)
      thread.submit { _ in
        self.confined.isCommitScheduled = false
        self.commit()
      }
    }
  }

  private func commit() {
    guard let transaction = confined.transaction else { return }
    do throws(CatalogError) {
      try transaction.commit()
      if transaction.logPageCount >= checkpointPages { startCheckpoint() }
    } catch {
      logger.error(
        "catalog cannot commit",
        metadata: ["error": "\(error)", "uncommitted": "\(transaction.uncommittedCount)"])
      scheduleCommit(after: Self.retryDelay)
    }
  }

  /// Moves most of the log beside the writer, so that nothing waits for it, and the rest, which came meanwhile, on the
  /// writer's own thread: the log starts anew only when nothing is left in it.
  private func startCheckpoint() {
    guard !confined.isCheckpointing else { return }
    confined.isCheckpointing = true
    Task {
      do throws(CatalogError) {
        try await readers.read { (connection) throws(CatalogError) in
          try connection.checkpoint(mode: SQLITE_CHECKPOINT_PASSIVE)
        }
      } catch {
        logger.warning("catalog checkpoint failed", metadata: ["error": "\(error)"])
      }
      thread.submit { _ in
        self.confined.isCheckpointing = false
        do throws(CatalogError) {
          try self.confined.transaction?.checkpoint(mode: SQLITE_CHECKPOINT_PASSIVE)
        } catch {
          self.logger.warning("catalog checkpoint failed", metadata: ["error": "\(error)"])
        }
      }
    }
  }
}
