internal import CSQLite

/// The tables, and how a database file gets and keeps them.
///
/// Names, ids and versions are BLOBs in the order of their bytes (``OrderedBytes``). Tables are their own primary
/// index (`WITHOUT ROWID`), so that a lookup is one descent and a list is one scan.
enum SQLiteSchema {
  /// Kept in the file as `user_version`. Raise it with each change of the tables, and upgrade older ones here.
  static let version: Int64 = 5
  /// Kept in the file as `application_id`: "CARN".
  private static let applicationID: Int64 = 0x4341_524E

  /// Bytes. Names come in any order, so most puts change a page of their own, which is written to the log and again
  /// to the file: small pages write less than half of what SQLite's default of 4096 does, for the same CPU.
  private static let pageSize = 1024
  /// Bytes of log file that are kept for reuse after a checkpoint.
  private static let journalSizeLimit = 160 << 20

  /// Checks the file, makes the tables where it is new, and sets it up for writing.
  ///
  /// - Throws: ``CatalogError/failed(_:)`` where the file is damaged, not Cairn's, or of a newer Cairn.
  static func prepare(_ connection: SQLiteConnection, path: String) throws(CatalogError) {
    let found = try connection.integer("PRAGMA user_version") ?? 0
    let application = try connection.integer("PRAGMA application_id") ?? 0
    let tables = try connection.integer("SELECT count(*) FROM sqlite_schema") ?? 0
    guard tables == 0 || application == applicationID else {
      throw .failed("\(path) is not a catalog of Cairn: another program's tables are in it")
    }
    guard found <= version else {
      throw .failed("\(path) has schema version \(found), this Cairn reads up to \(version): use a newer Cairn")
    }
    // Without effect on a file that exists.
    try connection.execute("PRAGMA page_size = \(pageSize)")
    try connection.execute("PRAGMA journal_mode = WAL")
    // What a power cut loses of the log's end is replayed from the volumes, up to the replay marks.
    try connection.execute("PRAGMA synchronous = NORMAL")
    try connection.execute("PRAGMA journal_size_limit = \(journalSizeLimit)")
    guard found < version else { return }
    try connection.execute("BEGIN IMMEDIATE")
    if found < 1 { try connection.execute(tablesOfVersion1) }
    if found < 2 { try connection.execute(tablesOfVersion2) }
    if found < 3 { try connection.execute(tablesOfVersion3) }
    if found < 4 { try connection.execute(tablesOfVersion4) }
    if found < 5 { try connection.execute(rebuildForVersion5) }
    try connection.execute("PRAGMA application_id = \(applicationID)")
    try connection.execute("PRAGMA user_version = \(version)")
    try connection.execute("COMMIT")
  }

  private static let tablesOfVersion1 = """
    CREATE TABLE objects (
      bucket BLOB NOT NULL,
      key BLOB NOT NULL,
      version BLOB NOT NULL,
      value BLOB NOT NULL,
      PRIMARY KEY (bucket, key)
    ) WITHOUT ROWID;
    CREATE INDEX objects_by_version ON objects (version, bucket);
    CREATE TABLE deletions (
      bucket BLOB NOT NULL,
      key BLOB NOT NULL,
      tombstone BLOB NOT NULL,
      value BLOB NOT NULL,
      milliseconds INTEGER NOT NULL,
      PRIMARY KEY (bucket, key)
    ) WITHOUT ROWID;
    CREATE INDEX deletions_by_age ON deletions (milliseconds);
    CREATE TABLE volumes (
      id BLOB PRIMARY KEY NOT NULL,
      sealed INTEGER NOT NULL,
      value BLOB NOT NULL
    ) WITHOUT ROWID;
    CREATE INDEX volumes_open ON volumes (id) WHERE sealed = 0;
    CREATE TABLE nodes (
      id BLOB PRIMARY KEY NOT NULL,
      incarnation INTEGER NOT NULL,
      milliseconds INTEGER NOT NULL,
      departed INTEGER NOT NULL,
      report BLOB NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE marks (
      volume BLOB PRIMARY KEY NOT NULL,
      position INTEGER NOT NULL
    ) WITHOUT ROWID;
    """

  private static let tablesOfVersion2 = """
    CREATE TABLE draining (
      node BLOB PRIMARY KEY NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE repairs (
      place INTEGER PRIMARY KEY AUTOINCREMENT,
      key BLOB NOT NULL UNIQUE,
      value BLOB NOT NULL,
      state INTEGER NOT NULL,
      due INTEGER NOT NULL,
      since INTEGER NOT NULL,
      attempts INTEGER NOT NULL,
      worker BLOB NOT NULL,
      error BLOB NOT NULL,
      done BLOB NOT NULL,
      total BLOB NOT NULL
    );
    CREATE INDEX repairs_by_state ON repairs (state, due, place);
    """

  private static let tablesOfVersion3 = """
    CREATE TABLE uploads (
      id BLOB PRIMARY KEY NOT NULL,
      ends INTEGER NOT NULL,
      value BLOB NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE upload_parts (
      upload BLOB NOT NULL,
      number INTEGER NOT NULL,
      value BLOB NOT NULL,
      PRIMARY KEY (upload, number)
    ) WITHOUT ROWID;
    """

  /// Uploads of before have no name, and are in no list: they end as they did.
  private static let tablesOfVersion4 = """
    ALTER TABLE uploads ADD COLUMN name BLOB;
    ALTER TABLE uploads ADD COLUMN claimed INTEGER NOT NULL DEFAULT 0;
    CREATE INDEX uploads_by_name ON uploads (name);
    CREATE INDEX uploads_open ON uploads (name) WHERE claimed = 0;
    """

  /// Objects of before have no checksum. Without marks everything is replayed from the volumes.
  private static let rebuildForVersion5 = """
    DELETE FROM objects;
    DELETE FROM deletions;
    DELETE FROM marks;
    """
}
