internal import CSQLite
internal import Logging
internal import NIOPosix
internal import Synchronization

/// The one thread that writes, and its group commit: all changes that wait share one transaction, so that the cost of
/// a commit is divided by their number. An answer is given after the commit.
///
/// A job that fails takes the others' transaction with it; then each is run again in a transaction of its own, so
/// that only the one that is at fault gets the error.
final class SQLiteWriter: Sendable {
  private let path: String
  private let thread: NIOThreadPool
  private let confined: Confined
  private let cache: ObjectCache
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
    var session: SQLiteWriteSession?

    init(session: SQLiteWriteSession) {
      self.session = session
    }
  }

  /// Jobs in one transaction: bounds how long the first of them waits for the last.
  private static let batchMax = 1024

  /// - Parameters:
  ///   - session: handed over; nothing else may use it afterwards.
  ///   - thread: a started pool of one thread, shut down by ``close()``.
  init(path: String, session: SQLiteWriteSession, thread: NIOThreadPool, cache: ObjectCache, logger: Logger) {
    self.path = path
    confined = Confined(session: session)
    self.thread = thread
    self.cache = cache
    self.logger = logger
  }

  /// Performs `body` in the next transaction, and answers when that has been committed.
  func write<Value: Sendable>(_ body: @escaping SQLiteAnsweredJob<Value>.Body) async throws(CatalogError) -> Value {
    let result: Result<Value, CatalogError> = await withCheckedContinuation { answer in
      submit(SQLiteAnsweredJob(body, answer: answer))
    }
    return try result.get()
  }

  /// Commits all that waits, moves the log into the database file, closes it and ends the thread.
  ///
  /// - Parameter beforeLast: closes all other connections; run on the writer's thread, because closing blocks.
  func close(beforeLast: @escaping @Sendable () -> Void) async {
    let wasOpen = state.withLock { state in
      defer { state.isClosed = true }
      return !state.isClosed
    }
    guard wasOpen else { return }
    await withCheckedContinuation { done in
      thread.submit { _ in
        self.drain()
        beforeLast()
        do throws(CatalogError) {
          try self.confined.session?.connection.checkpoint(mode: SQLITE_CHECKPOINT_TRUNCATE)
        } catch {
          self.logger.warning("catalog closed without a checkpoint", metadata: ["error": "\(error)"])
        }
        self.confined.session = nil
        done.resume()
      }
    }
    await withCheckedContinuation { done in
      thread.shutdownGracefully { _ in done.resume() }
    }
  }

  /// Performs `body` in a transaction of its own, whose commit syncs the log: with it all that was committed before.
  ///
  /// - Parameter body: must change the file, or there is nothing to sync.
  func writeDurably<Value: Sendable>(
    _ body: @escaping SQLiteAnsweredJob<Value>.Body
  ) async throws(CatalogError) -> Value {
    let result: Result<Value, CatalogError> = await withCheckedContinuation { answer in
      let job = SQLiteAnsweredJob(body, answer: answer)
      thread.submit { state in
        guard state == .active else { return job.fail(self.closed) }
        self.commitDurably(job)
      }
    }
    return try result.get()
  }

  private var closed: CatalogError { .unavailable("\(path) is closed") }

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
    while true {
      let batch = state.withLock { state in
        let batch = Array(state.waiting.prefix(Self.batchMax))
        state.waiting.removeFirst(batch.count)
        if batch.isEmpty { state.isBusy = false }
        return batch
      }
      guard !batch.isEmpty else { return }
      commit(batch)
    }
  }

  private func commit(_ batch: [SQLiteWriteJob]) {
    guard let session = confined.session else {
      for job in batch { job.fail(closed) }
      return
    }
    do throws(CatalogError) {
      try session.connection.prepared("BEGIN IMMEDIATE").use { (begin) throws(CatalogError) in _ = try begin.step() }
      for job in batch { try job.perform(session) }
      try commit(session)
    } catch {
      rollBack(session)
      guard batch.count > 1 else { return batch[0].fail(error) }
      for job in batch { commit([job]) }
      return
    }
    for job in batch { job.finish() }
  }

  /// No reader may see the old object in the cache once others can see the new one in the file.
  private func commit(_ session: SQLiteWriteSession) throws(CatalogError) {
    let changes = session.takeChanges()
    cache.willCommit(changes)
    do throws(CatalogError) {
      try session.connection.prepared("COMMIT").use { (commit) throws(CatalogError) in _ = try commit.step() }
    } catch {
      cache.didRollBack(changes)
      throw error
    }
    cache.didCommit(changes)
  }

  private func rollBack(_ session: SQLiteWriteSession) {
    session.didRollBack()
    guard session.connection.isInTransaction else { return }
    do throws(CatalogError) {
      try session.connection.execute("ROLLBACK")
    } catch {
      logger.error("catalog could not roll back", metadata: ["error": "\(error)"])
    }
  }

  private func commitDurably(_ job: SQLiteWriteJob) {
    guard let connection = confined.session?.connection else { return job.fail(closed) }
    do throws(CatalogError) {
      try connection.execute("PRAGMA synchronous = FULL")
    } catch {
      return job.fail(error)
    }
    commit([job])
    do throws(CatalogError) {
      try connection.execute("PRAGMA synchronous = NORMAL")
    } catch {
      logger.warning("catalog goes on syncing each commit", metadata: ["error": "\(error)"])
    }
  }
}
