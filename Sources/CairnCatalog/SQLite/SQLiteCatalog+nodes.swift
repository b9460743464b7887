package import CairnModel
internal import NIOCore

extension SQLiteCatalog: NodeRegistry {
  package func heartbeat(
    _ report: NodeReport, timeout: Duration, takeOver: Bool
  ) async throws(CatalogError) -> HeartbeatOutcome {
    let skipped = skipped
    return try await writer.write { (session) throws(CatalogError) in
      let now = session.nowMilliseconds
      if let known = try session.connection.node(report.node, now: now, skipped),
        known.report.incarnation != report.incarnation, !takeOver, known.ageMilliseconds < timeout.milliseconds
      {
        return .duplicate(of: known)
      }
      let statement = try session.connection.prepared(
        "INSERT OR REPLACE INTO nodes (id, incarnation, milliseconds, departed, report) VALUES (?, ?, ?, 0, ?)")
      try statement.use { (statement) throws(CatalogError) in
        try statement.bind(1, utf8: report.node.description)
        try statement.bind(2, Int64(bitPattern: report.incarnation))
        try statement.bind(3, Int64(clamping: now))
        try statement.bind(4, report.encoded())
        _ = try statement.step()
      }
      return .accepted
    }
  }

  package func leave(_ node: NodeID, incarnation: UInt64) async throws(CatalogError) {
    try await writer.write { (session) throws(CatalogError) in
      let statement = try session.connection.prepared(
        "UPDATE nodes SET departed = 1 WHERE id = ? AND incarnation = ?")
      try statement.use { (statement) throws(CatalogError) in
        try statement.bind(1, utf8: node.description)
        try statement.bind(2, Int64(bitPattern: incarnation))
        _ = try statement.step()
      }
    }
  }

  @discardableResult
  package func setDraining(_ node: NodeID, _ isDraining: Bool) async throws(CatalogError) -> Bool {
    let skipped = skipped
    return try await writer.write { (session) throws(CatalogError) in
      guard try session.connection.node(node, now: session.nowMilliseconds, skipped) != nil else { return false }
      let statement = try session.connection.prepared(
        isDraining ? "INSERT OR IGNORE INTO draining (node) VALUES (?)" : "DELETE FROM draining WHERE node = ?")
      try statement.use { (statement) throws(CatalogError) in
        try statement.bind(1, utf8: node.description)
        _ = try statement.step()
      }
      return true
    }
  }

  @discardableResult
  package func forget(_ node: NodeID) async throws(CatalogError) -> Bool {
    try await writer.write { (session) throws(CatalogError) in
      for sql in ["DELETE FROM draining WHERE node = ?", "DELETE FROM nodes WHERE id = ?"] as [StaticString] {
        try session.connection.prepared(sql).use { (statement) throws(CatalogError) in
          try statement.bind(1, utf8: node.description)
          _ = try statement.step()
        }
      }
      // Of the last statement.
      return session.connection.changeCount == 1
    }
  }

  package func nodes() async throws(CatalogError) -> [RegisteredNode] {
    let (now, skipped) = (now, skipped)
    return try await readers.read { (connection) throws(CatalogError) in
      let statement = try connection.prepared(
        """
        SELECT report, milliseconds, departed, EXISTS (SELECT 1 FROM draining WHERE node = nodes.id), id
        FROM nodes ORDER BY id
        """)
      return try statement.use { (statement) throws(CatalogError) in
        var nodes: [RegisteredNode] = []
        while try statement.step() {
          if let node = statement.node(now: now().millisecondsSinceEpoch, skipped) { nodes.append(node) }
        }
        return nodes
      }
    }
  }

  package func ping() async throws(CatalogError) {
    try await readers.read { (connection) throws(CatalogError) in
      _ = try connection.integer("SELECT count(*) FROM sqlite_schema")
    }
  }
}

extension SQLiteConnection {
  fileprivate func node(_ id: NodeID, now: UInt64, _ skipped: SkippedEntries) throws(CatalogError) -> RegisteredNode? {
    let statement = try prepared(
      """
      SELECT report, milliseconds, departed, EXISTS (SELECT 1 FROM draining WHERE node = nodes.id), id
      FROM nodes WHERE id = ?
      """)
    return try statement.use { (statement) throws(CatalogError) in
      try statement.bind(1, utf8: id.description)
      return try statement.step() ? statement.node(now: now, skipped) : nil
    }
  }
}

extension SQLiteStatement {
  /// The node of the current row; nil for one that can't be understood.
  fileprivate func node(now: UInt64, _ skipped: SkippedEntries) -> RegisteredNode? {
    skipped.read(.heartbeat, String(buffer: bytes(4))) { () throws(CatalogError) in
      try RegisteredNode(
        catalogEntry: bytes(0), lastHeartbeat: UInt64(clamping: integer(1)), now: now, departed: integer(2) != 0,
        isDraining: integer(3) != 0)
    }
  }
}

extension Duration {
  /// Whole milliseconds, not less than 0.
  var milliseconds: UInt64 {
    let (seconds, attoseconds) = components
    return UInt64(clamping: seconds) * 1000 + UInt64(clamping: attoseconds / 1_000_000_000_000_000)
  }
}
