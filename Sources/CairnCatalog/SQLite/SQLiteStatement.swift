internal import CSQLite
internal import NIOCore

/// A prepared statement. Bound and stepped by one thread at a time, the one that has its connection.
final class SQLiteStatement {
  private let handle: OpaquePointer
  private let connection: SQLiteConnection.Handle

  init(_ sql: String, on connection: SQLiteConnection.Handle) throws(CatalogError) {
    var handle: OpaquePointer?
    let code = sqlite3_prepare_v3(connection.pointer, sql, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &handle, nil)
    guard code == SQLITE_OK, let handle else { throw connection.error(code) }
    self.handle = handle
    self.connection = connection
  }

  deinit {
    sqlite3_finalize(handle)
  }

  /// Gives the statement to `body`, which binds and steps it, and resets it afterwards whatever happens: a statement
  /// left in the middle of its rows would pin the log.
  func use<Value>(_ body: (SQLiteStatement) throws(CatalogError) -> Value) throws(CatalogError) -> Value {
    defer { reset() }
    return try body(self)
  }

  func reset() {
    sqlite3_reset(handle)
    sqlite3_clear_bindings(handle)
  }

  /// Goes to the next row; false where there is none.
  func step() throws(CatalogError) -> Bool {
    switch sqlite3_step(handle) {
    case SQLITE_ROW: true
    case SQLITE_DONE: false
    case let code: throw connection.error(code)
    }
  }

  // MARK: Parameters, counted from 1

  func bind(_ index: Int32, _ value: Int64) throws(CatalogError) {
    try check(sqlite3_bind_int64(handle, index, value))
  }

  func bind(_ index: Int32, _ value: ByteBuffer) throws(CatalogError) {
    try check(value.withUnsafeReadableBytes { bind(index, $0) })
  }

  func bind(_ index: Int32, _ value: [UInt8]) throws(CatalogError) {
    try check(value.withUnsafeBytes { bind(index, $0) })
  }

  /// Binds the UTF-8 of `text` as bytes, so that it is compared by them.
  func bind(_ index: Int32, utf8 text: String) throws(CatalogError) {
    var text = text
    try check(text.withUTF8 { bind(index, UnsafeRawBufferPointer($0)) })
  }

  private func bind(_ index: Int32, _ bytes: UnsafeRawBufferPointer) -> CInt {
    // A null pointer would bind NULL, which compares with nothing.
    guard let base = bytes.baseAddress, !bytes.isEmpty else { return sqlite3_bind_zeroblob(handle, index, 0) }
    let copied = unsafeBitCast(-1, to: sqlite3_destructor_type.self)
    return sqlite3_bind_blob64(handle, index, base, UInt64(bytes.count), copied)
  }

  private func check(_ code: CInt) throws(CatalogError) {
    guard code == SQLITE_OK else { throw connection.error(code) }
  }

  // MARK: Columns of the current row, counted from 0

  func integer(_ column: Int32) -> Int64 {
    sqlite3_column_int64(handle, column)
  }

  func bytes(_ column: Int32) -> ByteBuffer {
    ByteBuffer(bytes: rawBytes(column))
  }

  func array(_ column: Int32) -> [UInt8] {
    Array(rawBytes(column))
  }

  private func rawBytes(_ column: Int32) -> UnsafeRawBufferPointer {
    guard let base = sqlite3_column_blob(handle, column) else { return UnsafeRawBufferPointer(start: nil, count: 0) }
    return UnsafeRawBufferPointer(start: base, count: Int(sqlite3_column_bytes(handle, column)))
  }
}
