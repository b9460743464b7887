internal import CSQLite

/// One connection to a database file, used by one thread at a time.
final class SQLiteConnection {
  /// What statements need of their connection, so that they don't keep it alive in a circle.
  struct Handle {
    let pointer: OpaquePointer
    let path: String

    /// What `code`, just returned by SQLite, means for a caller.
    func error(_ code: CInt) -> CatalogError {
      CatalogError(sqlite: code, message: String(cString: sqlite3_errmsg(pointer)), path: path)
    }
  }

  private let handle: Handle
  /// The log's pages after the last commit; on the heap, where SQLite can reach it.
  private let logPages: UnsafeMutablePointer<Int>
  /// By the address of their text, which costs less to hash than the text.
  private var statements: [UnsafePointer<UInt8>: SQLiteStatement] = [:]

  /// Opens or creates the file.
  ///
  /// The VFS `unix-excl` keeps other processes out, whose commits the object cache would not notice, and the log's
  /// index in memory that all connections of this process share.
  ///
  /// - Throws: ``CatalogError`` with the file's path.
  /// - SeeAlso: https://www.sqlite.org/vfs.html#standard_unix_vfses
  init(path: String, pageCacheKiB: Int) throws(CatalogError) {
    var pointer: OpaquePointer?
    let flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX
    let code = sqlite3_open_v2(path, &pointer, flags, "unix-excl")
    guard let pointer else { throw CatalogError(sqlite: code, message: "out of memory", path: path) }
    handle = Handle(pointer: pointer, path: path)
    guard code == SQLITE_OK else {
      let error = handle.error(code)
      sqlite3_close_v2(pointer)
      throw error
    }
    logPages = .allocate(capacity: 1)
    logPages.initialize(to: 0)
    sqlite3_extended_result_codes(pointer, 1)
    // In place of automatic checkpoints, which would hold up the commit that they follow.
    sqlite3_wal_hook(
      pointer,
      { logPages, _, _, count in
        logPages?.assumingMemoryBound(to: Int.self).pointee = Int(count)
        return SQLITE_OK
      }, logPages)
    sqlite3_busy_timeout(pointer, Self.busyTimeoutMilliseconds)
    try execute("PRAGMA cache_size = -\(pageCacheKiB)")
    try execute("PRAGMA temp_store = MEMORY")
  }

  /// Connections of this process wait for each other only for a moment; a process that is ending may take longer.
  private static let busyTimeoutMilliseconds: CInt = 2000

  deinit {
    statements = [:]
    sqlite3_close_v2(handle.pointer)
    logPages.deallocate()
  }

  /// Runs SQL that takes no parameters and gives no rows that matter.
  func execute(_ sql: String) throws(CatalogError) {
    let code = sqlite3_exec(handle.pointer, sql, nil, nil, nil)
    guard code == SQLITE_OK else { throw handle.error(code) }
  }

  /// The first column of the first row.
  func integer(_ sql: String) throws(CatalogError) -> Int64? {
    try SQLiteStatement(sql, on: handle).use { (statement) throws(CatalogError) in
      try statement.step() ? statement.integer(0) : nil
    }
  }

  /// The statement for `sql`, prepared once.
  func prepared(_ sql: StaticString) throws(CatalogError) -> SQLiteStatement {
    if let statement = statements[sql.utf8Start] { return statement }
    let statement = try SQLiteStatement(sql.description, on: handle)
    statements[sql.utf8Start] = statement
    return statement
  }

  /// Pages in the log after the last commit.
  var logPageCount: Int { logPages.pointee }

  /// Rows that the last statement inserted, changed or deleted.
  var changeCount: Int64 { sqlite3_changes64(handle.pointer) }

  /// Whether a transaction is open: some errors end it by themselves.
  var isInTransaction: Bool { sqlite3_get_autocommit(handle.pointer) == 0 }

  /// Moves the log's content into the database file.
  ///
  /// - Parameter mode: one of `SQLITE_CHECKPOINT_…`.
  func checkpoint(mode: CInt) throws(CatalogError) {
    let code = sqlite3_wal_checkpoint_v2(handle.pointer, nil, mode, nil, nil)
    guard code == SQLITE_OK || code == SQLITE_BUSY else { throw handle.error(code) }
  }
}
