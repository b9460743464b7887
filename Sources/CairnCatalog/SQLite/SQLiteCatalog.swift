package import CairnModel
package import Logging
package import NIOPosix

/// The catalog in one SQLite file, for one process.
///
/// Reads of what was used lately come from memory, all others from the thread pool; writes go through one thread.
/// Changes of objects are answered before they are committed to the file: a short time after, in large groups. Only
/// ``setReplayMarks(_:)`` makes sure that they survive the process and the machine: what is newer than the marks is to
/// be replayed from the volumes at start.
package final class SQLiteCatalog: Sendable {
  let cache: ObjectCache
  let readers: SQLiteReaders
  let writer: SQLiteWriter
  let now: @Sendable () -> Timestamp
  let skipped: SkippedEntries

  /// Bytes of the object cache: with some 700 bytes an entry, the 46,000 objects used last.
  package static let cacheSizeDefault = 32 << 20
  /// Pages of log (128 MiB) at which it is moved into the database file: often enough that it stays small, seldom
  /// enough that pages which change again and again are written and synced once.
  package static let checkpointPagesDefault = 131_072
  /// KiB of the writer's page cache.
  private static let writerPageCacheKiB = 8 << 10

  private init(
    cache: ObjectCache, readers: SQLiteReaders, writer: SQLiteWriter, now: @escaping @Sendable () -> Timestamp,
    skipped: SkippedEntries
  ) {
    self.cache = cache
    self.readers = readers
    self.writer = writer
    self.now = now
    self.skipped = skipped
  }

  /// How often an entry was left out because it can't be understood. The log names them.
  package var skippedEntries: Int { skipped.count }

  /// Opens the catalog, and creates it where there is no file.
  ///
  /// - Parameters:
  ///   - path: the file; SQLite keeps its log beside it, as `path` + `-wal`.
  ///   - cacheSize: bytes of memory for objects, by estimate.
  ///   - checkpointPages: pages of log at which a checkpoint begins.
  ///   - threadPool: where reads block. It must be running, and shut down only after ``close()``.
  ///   - now: the clock of the node registry and of the memory of deletions.
  /// - Throws: ``CatalogError/failed(_:)`` where the file is damaged (delete it: without marks, everything is replayed
  ///   from the volumes), of a newer Cairn or not a catalog; ``CatalogError/unavailable(_:)`` where another process
  ///   has it open.
  package static func open(
    path: String, cacheSize: Int = cacheSizeDefault, checkpointPages: Int = checkpointPagesDefault,
    threadPool: NIOThreadPool, logger: Logger,
    now: @escaping @Sendable () -> Timestamp = { .now() }
  ) async throws(CatalogError) -> SQLiteCatalog {
    let thread = NIOThreadPool(numberOfThreads: 1)
    thread.start()
    let cache = ObjectCache(capacity: cacheSize)
    let readers = SQLiteReaders(path: path, threadPool: threadPool)
    let opened: Result<SQLiteWriter, CatalogError> = await withCheckedContinuation { opened in
      thread.submit { _ in
        do throws(CatalogError) {
          let connection = try SQLiteConnection(path: path, pageCacheKiB: writerPageCacheKiB)
          try SQLiteSchema.prepare(connection, path: path)
          let session = SQLiteWriteSession(connection: connection, now: now)
          let transaction = SQLiteTransaction(session: session, cache: cache, logger: logger)
          opened.resume(
            returning: .success(
              SQLiteWriter(
                path: path, transaction: transaction, thread: thread, readers: readers,
                checkpointPages: checkpointPages, logger: logger)))
        } catch {
          opened.resume(returning: .failure(error))
        }
      }
    }
    do throws(CatalogError) {
      return SQLiteCatalog(
        cache: cache, readers: readers, writer: try opened.get(), now: now, skipped: SkippedEntries(logger: logger))
    } catch {
      await withCheckedContinuation { done in
        thread.shutdownGracefully { _ in done.resume() }
      }
      throw error
    }
  }

  /// Commits what waits and closes the file. Whatever is asked afterwards fails.
  package func close() async {
    await writer.close()
  }
}
