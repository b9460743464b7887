internal import CSQLite
internal import Logging

/// The transaction that is always open while there is something to write: jobs are performed in it one after the
/// other, and it is committed now and then. Confined to the writer's thread.
///
/// Changes of objects are answered before the commit: until then ``ObjectCache`` answers for their names, and where
/// the process dies first, their records are replayed. When the database gives the transaction up, what was answered
/// is performed again in the next one.
final class SQLiteTransaction {
  private let session: SQLiteWriteSession
  private let cache: ObjectCache
  private let logger: Logger
  /// Answered, and not yet committed: in their order.
  private var uncommitted: [SQLiteWriteJob] = []

  init(session: SQLiteWriteSession, cache: ObjectCache, logger: Logger) {
    self.session = session
    self.cache = cache
    self.logger = logger
  }

  private var connection: SQLiteConnection { session.connection }

  /// Answered jobs that a commit would make good.
  var uncommittedCount: Int { uncommitted.count }

  /// Pages in the log after the last commit.
  var logPageCount: Int { connection.logPageCount }

  /// Performs and answers all of `batch`. A job that fails takes the transaction with it; then each is performed
  /// alone, so that only the one that is at fault gets the error.
  func perform(_ batch: [SQLiteWriteJob]) {
    do throws(CatalogError) {
      try performTogether(batch)
    } catch {
      rollBack()
      guard batch.count > 1 else { return batch[0].fail(error) }
      for job in batch { perform([job]) }
    }
  }

  private func performTogether(_ batch: [SQLiteWriteJob]) throws(CatalogError) {
    try begin()
    var changing: [SQLiteWriteJob] = []
    for job in batch {
      let changeCount = session.changeCount
      try job.perform(session)
      // What found nothing to change must not be done again: it might find something then.
      if session.changeCount != changeCount { changing.append(job) }
    }
    cache.publish(session.takeChanges())
    uncommitted += changing
    let (early, late) = (batch.filter(\.isAnsweredBeforeCommit), batch.filter { !$0.isAnsweredBeforeCommit })
    for job in early { job.finish() }
    guard !late.isEmpty else { return }
    do throws(CatalogError) {
      try commit()
      for job in late { job.finish() }
    } catch {
      for job in late { job.fail(error) }
    }
  }

  /// Opens a transaction where there is none, and repeats what the last one lost.
  private func begin() throws(CatalogError) {
    guard !connection.isInTransaction else { return }
    try run("BEGIN IMMEDIATE")
    for job in uncommitted { try job.perform(session) }
    _ = session.takeChanges()
  }

  /// Makes what was performed visible to other connections.
  func commit() throws(CatalogError) {
    do throws(CatalogError) {
      if !uncommitted.isEmpty { try begin() }
      guard connection.isInTransaction else { return }
      try run("COMMIT")
    } catch {
      rollBack()
      throw error
    }
    uncommitted.removeAll(keepingCapacity: true)
    cache.didCommit()
  }

  /// Performs `job` in a transaction of its own, whose commit syncs the log, and with it all commits before.
  func performDurably(_ job: SQLiteWriteJob) {
    do throws(CatalogError) {
      try commit()
      try connection.execute("PRAGMA synchronous = FULL")
    } catch {
      return job.fail(error)
    }
    perform([job])
    do throws(CatalogError) {
      try connection.execute("PRAGMA synchronous = NORMAL")
    } catch {
      logger.warning("catalog goes on syncing each commit", metadata: ["error": "\(error)"])
    }
  }

  /// Moves the log's content into the database file.
  ///
  /// - Parameter mode: one of `SQLITE_CHECKPOINT_…`.
  func checkpoint(mode: CInt) throws(CatalogError) {
    try commit()
    try connection.checkpoint(mode: mode)
  }

  private func rollBack() {
    session.didRollBack()
    guard connection.isInTransaction else { return }
    do throws(CatalogError) {
      try connection.execute("ROLLBACK")
    } catch {
      logger.error("catalog could not roll back", metadata: ["error": "\(error)"])
    }
  }

  private func run(_ sql: StaticString) throws(CatalogError) {
    try connection.prepared(sql).use { (statement) throws(CatalogError) in _ = try statement.step() }
  }
}
