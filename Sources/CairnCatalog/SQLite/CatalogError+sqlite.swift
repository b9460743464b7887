internal import CSQLite

extension CatalogError {
  /// - Parameter code: an extended result code.
  init(sqlite code: CInt, message: String, path: String) {
    switch code & 0xFF {
    case SQLITE_BUSY, SQLITE_LOCKED:
      self = .unavailable("\(path) is in use by another process: \(message)")
    case SQLITE_FULL, SQLITE_IOERR, SQLITE_NOMEM:
      self = .unavailable("\(path): \(message) (\(code))")
    case SQLITE_CANTOPEN, SQLITE_PERM, SQLITE_READONLY:
      self = .failed("\(path) cannot be opened: \(message) (\(code))")
    case SQLITE_CORRUPT, SQLITE_NOTADB:
      self = .failed(
        "\(path) is damaged: \(message) (\(code)). Delete it and start again: it is rebuilt from the volumes")
    default:
      self = .failed("\(path): \(message) (\(code))")
    }
  }
}
