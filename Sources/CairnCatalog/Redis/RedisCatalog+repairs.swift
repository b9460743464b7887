internal import CairnModel
internal import NIOCore

extension RedisCatalog: RepairQueue {
  @discardableResult
  package func enqueue(_ work: RepairWork, isUrgent: Bool) async throws(CatalogError) -> Bool {
    try await client.run(RedisScripts.enqueueRepair, keys: repairKeys, work.key, work.encoded(), isUrgent ? 1 : 0)
      .isDone(by: "enqueue")
  }

  package func claim(
    worker: String, limit: Int, lease: Duration
  ) async throws(CatalogError) -> [ClaimedWork] {
    guard limit > 0 else { return [] }
    let reply = try await client.run(
      RedisScripts.claimRepairs, keys: repairKeys, worker, min(limit, RepairLimits.claimMax), lease.leaseMilliseconds)
    guard case .array(let parts) = reply, parts.count.isMultiple(of: 4) else {
      throw .unexpected(reply, to: "claim")
    }
    var claimed: [ClaimedWork] = []
    for index in stride(from: 0, to: parts.count, by: 4) {
      let work = skipped.read(.repairWork, parts[index].entryName) { () throws(CatalogError) in
        try ClaimedWork(Array(parts[index..<index + 4]), worker: worker)
      }
      if let work { claimed.append(work) } else { try await drop(parts[index]) }
    }
    return claimed
  }

  /// Removes work that nobody can do. What needs to be done is found again.
  private func drop(_ key: RedisReply) async throws(CatalogError) {
    guard case .bytes(let key) = key else { return }
    for keys in [keys.repairStates, keys.repairWork] { _ = try await client.send(RedisCommand("HDEL", keys, key)) }
  }

  package func renew(_ claimed: ClaimedWork, lease: Duration) async throws(CatalogError) -> Bool {
    try await client.run(
      RedisScripts.renewRepair, keys: repairKeys, claimed.work.key, claimed.place, claimed.attempt,
      lease.leaseMilliseconds
    ).isDone(by: "renew")
  }

  @discardableResult
  package func complete(_ claimed: ClaimedWork) async throws(CatalogError) -> Bool {
    try await client.run(
      RedisScripts.completeRepair, keys: repairKeys, claimed.work.key, claimed.place, claimed.attempt
    ).isDone(by: "complete")
  }

  @discardableResult
  package func fail(
    _ claimed: ClaimedWork, error: String, retryAfter: Duration
  ) async throws(CatalogError) -> Bool {
    try await client.run(
      RedisScripts.failRepair, keys: repairKeys, claimed.work.key, claimed.place, claimed.attempt, error,
      retryAfter.milliseconds
    ).isDone(by: "fail")
  }

  @discardableResult
  package func progress(
    _ claimed: ClaimedWork, done: UInt64, total: UInt64
  ) async throws(CatalogError) -> Bool {
    try await client.run(
      RedisScripts.progressRepair, keys: repairKeys, claimed.work.key, claimed.place, claimed.attempt, done, total
    ).isDone(by: "progress")
  }

  package func list(limit: Int) async throws(CatalogError) -> [QueuedWork] {
    guard limit > 0 else { return [] }
    let reply = try await client.run(RedisScripts.listRepairs, keys: repairKeys, limit)
    guard case .array(let parts) = reply, parts.count.isMultiple(of: QueuedWork.partCount) else {
      throw .unexpected(reply, to: "list of repairs")
    }
    var works: [QueuedWork] = []
    for index in stride(from: 0, to: parts.count, by: QueuedWork.partCount) {
      let work = skipped.read(.repairWork, parts[index].entryName) { () throws(CatalogError) in
        try QueuedWork(Array(parts[index..<index + QueuedWork.partCount]))
      }
      if let work { works.append(work) }
    }
    return works
  }

  package func count() async throws(CatalogError) -> Int {
    let reply = try await client.send(RedisCommand("HLEN", keys.repairStates))
    guard case .integer(let count) = reply else { throw .unexpected(reply, to: "HLEN") }
    return Int(count)
  }

  private var repairKeys: [String] {
    [keys.repairQueue, keys.urgentRepairQueue, keys.repairWork, keys.repairStates, keys.repairRetries]
  }
}

extension ClaimedWork {
  /// - Parameter parts: key, work, entry, attempt.
  fileprivate init(_ parts: [RedisReply], worker: String) throws(CatalogError) {
    guard parts.count == 4, case .bytes(let key) = parts[0], case .bytes(let value) = parts[1],
      case .bytes(let place) = parts[2], case .integer(let attempt) = parts[3]
    else { throw .unexpected(.array(parts), to: "claim") }
    self.init(
      work: try RepairWork(key: key, catalogEntry: value), worker: worker, attempt: Int(clamping: attempt),
      place: String(buffer: place))
  }
}

extension QueuedWork {
  fileprivate static let partCount = 9

  /// - Parameter parts: as ``RedisScripts/listRepairs`` gives them.
  fileprivate init(_ parts: [RedisReply]) throws(CatalogError) {
    let unexpected = CatalogError.unexpected(.array(parts), to: "list of repairs")
    guard parts.count == Self.partCount, case .bytes(let key) = parts[0], case .bytes(let value) = parts[1],
      case .integer(let since) = parts[3], case .integer(let attempts) = parts[4],
      let since = Timestamp(millisecondsSinceEpoch: UInt64(clamping: since))
    else { throw unexpected }
    func text(_ index: Int) throws(CatalogError) -> String {
      guard case .bytes(let text) = parts[index] else { throw unexpected }
      return String(buffer: text)
    }
    let state: State
    switch try text(2) {
    case "waiting": state = .waiting
    case "running": state = .running
    case "retrying": state = .retrying
    default: throw unexpected
    }
    let (worker, error) = (try text(5), try text(6))
    var progress: Progress?
    if let done = UInt64(try text(7)), let total = UInt64(try text(8)) {
      progress = Progress(done: done, total: total)
    }
    self.init(
      work: try RepairWork(key: key, catalogEntry: value), state: state, worker: worker.isEmpty ? nil : worker,
      attempts: Int(clamping: attempts), lastError: error.isEmpty ? nil : error, progress: progress, since: since)
  }
}
