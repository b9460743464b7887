internal import CairnModel

/// What a write job works with: the connection, inside a transaction, and the changes that the cache must learn.
final class SQLiteWriteSession {
  let connection: SQLiteConnection
  private let clock: @Sendable () -> Timestamp

  /// The names that this transaction changed, in order, with what they became.
  private(set) var changes: [(name: ObjectName, object: StoredObject?)] = []
  /// Grows with each change of a name.
  private(set) var changeCount = 0
  struct Deletions {
    /// Whether the table is; nil where that isn't known.
    var isEmpty: Bool?
    /// Rows added since old ones were last removed.
    var sincePurge = 0
    /// When that was, in milliseconds since 1970.
    var purgedAt: UInt64 = 0
  }

  /// What is known of the table of deletions without looking.
  var deletions = Deletions()

  init(connection: SQLiteConnection, now: @escaping @Sendable () -> Timestamp) {
    self.connection = connection
    clock = now
  }

  var nowMilliseconds: UInt64 { clock().millisecondsSinceEpoch }

  func note(_ name: ObjectName, is object: StoredObject?) {
    changes.append((name, object))
    changeCount += 1
  }

  /// Nothing of what this transaction learned is so.
  func didRollBack() {
    changes = []
    deletions.isEmpty = nil
  }

  /// Hands over what was changed since the last call.
  func takeChanges() -> [(name: ObjectName, object: StoredObject?)] {
    defer { changes = [] }
    return changes
  }
}
