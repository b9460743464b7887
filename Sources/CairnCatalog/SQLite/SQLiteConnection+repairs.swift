internal import CairnModel
internal import NIOCore

/// The rows of the repair queue. `state` is 0 for work that runs, 1 for what waits and 2 for what is to be tried again;
/// `due` is when its lease ends, when it began to wait, and when it begins to wait again.
extension SQLiteConnection {
  /// Makes work wait whose time to be tried again has come: at the end of what waits, because `due` says so.
  func wakeRepairs(now: Int64) throws(CatalogError) {
    try prepared("UPDATE repairs SET state = 1, since = ?1 WHERE state = 2 AND due <= ?1").use {
      (statement) throws(CatalogError) in
      try statement.bind(1, now)
      _ = try statement.step()
    }
  }

  /// Places of work whose lease has ended, the oldest first.
  func abandonedRepairs(now: Int64, limit: Int) throws(CatalogError) -> [Int64] {
    let statement = try prepared(
      "SELECT place FROM repairs WHERE state = 0 AND due <= ?2 ORDER BY due, place LIMIT ?1")
    return try statement.use { (statement) throws(CatalogError) in
      try statement.bind(1, Int64(limit))
      try statement.bind(2, now)
      return try statement.places()
    }
  }

  /// Places of work that waits, in its order.
  func waitingRepairs(limit: Int) throws(CatalogError) -> [Int64] {
    let statement = try prepared("SELECT place FROM repairs WHERE state = 1 ORDER BY due, place LIMIT ?")
    return try statement.use { (statement) throws(CatalogError) in
      try statement.bind(1, Int64(limit))
      return try statement.places()
    }
  }

  func claimRepair(
    _ place: Int64, worker: String, now: Int64, until due: Int64
  ) throws(CatalogError) -> ClaimedWork? {
    let statement = try prepared(
      """
      UPDATE repairs SET state = 0, attempts = attempts + 1, worker = ?2, since = ?3, due = ?4, done = x'', total = x''
      WHERE place = ?1 RETURNING key, value, attempts
      """)
    return try statement.use { (statement) throws(CatalogError) in
      try statement.bind(1, place)
      try statement.bind(2, utf8: worker)
      try statement.bind(3, now)
      try statement.bind(4, due)
      guard try statement.step() else { return nil }
      return ClaimedWork(
        work: try RepairWork(key: statement.bytes(0), catalogEntry: statement.bytes(1)), worker: worker,
        attempt: Int(statement.integer(2)), place: String(place))
    }
  }

  func removeRepair(_ place: Int64) throws(CatalogError) {
    try prepared("DELETE FROM repairs WHERE place = ?").use { (statement) throws(CatalogError) in
      try statement.bind(1, place)
      _ = try statement.step()
    }
  }

  func queuedRepairs(limit: Int, _ skipped: SkippedEntries) throws(CatalogError) -> [QueuedWork] {
    let statement = try prepared(
      """
      SELECT key, value, state, since, attempts, worker, error, done, total FROM repairs
      ORDER BY state, due, place LIMIT ?
      """)
    return try statement.use { (statement) throws(CatalogError) in
      try statement.bind(1, Int64(max(limit, 0)))
      var works: [QueuedWork] = []
      while try statement.step() {
        let work = skipped.read(.repairWork, String(buffer: statement.bytes(0)), statement.queuedWork)
        if let work { works.append(work) }
      }
      return works
    }
  }
}

extension SQLiteStatement {
  fileprivate func places() throws(CatalogError) -> [Int64] {
    var places: [Int64] = []
    while try step() { places.append(integer(0)) }
    return places
  }

  fileprivate func queuedWork() throws(CatalogError) -> QueuedWork {
    let state: QueuedWork.State
    switch integer(2) {
    case 0: state = .running
    case 1: state = .waiting
    case 2: state = .retrying
    case let other: throw .failed("repair work has the state \(other) in the catalog; 0 to 2 are known")
    }
    guard let since = Timestamp(millisecondsSinceEpoch: UInt64(clamping: integer(3))) else {
      throw .failed("repair work has the time \(integer(3)) in the catalog; it can't be later than 2554")
    }
    let (worker, error) = (String(buffer: bytes(5)), String(buffer: bytes(6)))
    var progress: QueuedWork.Progress?
    if let done = UInt64(String(buffer: bytes(7))), let total = UInt64(String(buffer: bytes(8))) {
      progress = .init(done: done, total: total)
    }
    return QueuedWork(
      work: try RepairWork(key: bytes(0), catalogEntry: bytes(1)), state: state, worker: worker.isEmpty ? nil : worker,
      attempts: Int(integer(4)), lastError: error.isEmpty ? nil : error, progress: progress,
      since: since)
  }
}
