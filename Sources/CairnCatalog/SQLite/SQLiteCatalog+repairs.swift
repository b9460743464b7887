internal import CairnModel
internal import NIOCore

extension SQLiteCatalog: RepairQueue {
  @discardableResult
  package func enqueue(_ work: RepairWork, isUrgent: Bool) async throws(CatalogError) -> Bool {
    try await writer.write { (session) throws(CatalogError) in
      let statement = try session.connection.prepared(
        """
        INSERT INTO repairs (key, value, state, due, since, attempts, worker, error, done, total)
        VALUES (?1, ?2, 1, ?4, ?3, 0, x'', x'', x'', x'') ON CONFLICT DO NOTHING RETURNING 1
        """)
      return try statement.use { (statement) throws(CatalogError) in
        try statement.bind(1, utf8: work.key)
        try statement.bind(2, work.encoded())
        let now = Int64(clamping: session.nowMilliseconds)
        try statement.bind(3, now)
        // What waits is claimed in the order of these times: what is urgent seems to have waited for ages.
        try statement.bind(4, isUrgent ? now - RepairLimits.urgencyMilliseconds : now)
        return try statement.step()
      }
    }
  }

  package func claim(
    worker: String, limit: Int, lease: Duration
  ) async throws(CatalogError) -> [ClaimedWork] {
    guard limit > 0 else { return [] }
    let skipped = skipped
    return try await writer.write { (session) throws(CatalogError) in
      let connection = session.connection
      let now = Int64(clamping: session.nowMilliseconds)
      try connection.wakeRepairs(now: now)
      let limit = min(limit, RepairLimits.claimMax)
      var places = try connection.abandonedRepairs(now: now, limit: limit)
      places += try connection.waitingRepairs(limit: limit - places.count)
      var claimed: [ClaimedWork] = []
      for place in places {
        do throws(CatalogError) {
          let work = try connection.claimRepair(
            place, worker: worker, now: now, until: now + Int64(clamping: lease.leaseMilliseconds))
          if let work { claimed.append(work) }
        } catch .format(let error) {
          // Nobody can do it. What needs to be done is found again.
          skipped.note(.repairWork, "\(place)", .format(error))
          try connection.removeRepair(place)
        } catch {
          throw error
        }
      }
      return claimed
    }
  }

  package func renew(_ claimed: ClaimedWork, lease: Duration) async throws(CatalogError) -> Bool {
    try await settle(
      claimed, "UPDATE repairs SET due = ?3 WHERE place = ?1 AND attempts = ?2 AND state = 0 RETURNING 1"
    ) { (statement, now) throws(CatalogError) in
      try statement.bind(3, now + Int64(clamping: lease.leaseMilliseconds))
    }
  }

  @discardableResult
  package func complete(_ claimed: ClaimedWork) async throws(CatalogError) -> Bool {
    try await settle(
      claimed, "DELETE FROM repairs WHERE place = ?1 AND attempts = ?2 AND state = 0 RETURNING 1"
    ) { (_, _) throws(CatalogError) in }
  }

  @discardableResult
  package func fail(
    _ claimed: ClaimedWork, error: String, retryAfter: Duration
  ) async throws(CatalogError) -> Bool {
    try await settle(
      claimed,
      """
      UPDATE repairs SET state = 2, since = ?3, due = ?4, error = ?5
      WHERE place = ?1 AND attempts = ?2 AND state = 0 RETURNING 1
      """
    ) { (statement, now) throws(CatalogError) in
      try statement.bind(3, now)
      try statement.bind(4, now.addingClamped(Int64(clamping: retryAfter.milliseconds)))
      try statement.bind(5, utf8: error)
    }
  }

  @discardableResult
  package func progress(
    _ claimed: ClaimedWork, done: UInt64, total: UInt64
  ) async throws(CatalogError) -> Bool {
    try await settle(
      claimed,
      "UPDATE repairs SET done = ?3, total = ?4 WHERE place = ?1 AND attempts = ?2 AND state = 0 RETURNING 1"
    ) { (statement, _) throws(CatalogError) in
      try statement.bind(3, utf8: String(done))
      try statement.bind(4, utf8: String(total))
    }
  }

  package func list(limit: Int) async throws(CatalogError) -> [QueuedWork] {
    let skipped = skipped
    return try await readers.read { (connection) throws(CatalogError) in
      try connection.queuedRepairs(limit: limit, skipped)
    }
  }

  package func count() async throws(CatalogError) -> Int {
    try await readers.read { (connection) throws(CatalogError) in
      Int(try connection.integer("SELECT count(*) FROM repairs") ?? 0)
    }
  }

  /// Runs `sql` on the row of a claim that is the last one of its work: parameter 1 is the place, 2 the attempt; the
  /// others are bound by `bind`, which gets the time too.
  ///
  /// - Returns: whether there was such a row.
  private func settle(
    _ claimed: ClaimedWork, _ sql: StaticString,
    _ bind: @escaping @Sendable (SQLiteStatement, Int64) throws(CatalogError) -> Void
  ) async throws(CatalogError) -> Bool {
    guard let place = Int64(claimed.place) else { return false }
    return try await writer.write { (session) throws(CatalogError) in
      try session.connection.prepared(sql).use { (statement) throws(CatalogError) in
        try statement.bind(1, place)
        try statement.bind(2, Int64(claimed.attempt))
        try bind(statement, Int64(clamping: session.nowMilliseconds))
        return try statement.step()
      }
    }
  }
}

extension Int64 {
  fileprivate func addingClamped(_ other: Int64) -> Int64 {
    let (sum, overflow) = addingReportingOverflow(other)
    return overflow ? .max : sum
  }
}
