import CairnTestSupport
import Foundation
import Synchronization

/// Clients that write, read, delete and list the same few names over all coordinators.
///
/// Names are used for some hundred operations and then left alone, so that each has a short history, with much
/// contention in it.
final class ChaosLoad: Sendable {
  struct Counts: Sendable {
    var acknowledged = 0
    var read = 0
    /// Writes without an answer that tells.
    var unknown = 0
    /// Reads without an answer that tells.
    var unread = 0
    /// Operations that found no coordinator.
    var unconnected = 0
  }

  private static let namesAtOnce = 5
  private static let operationsPerName = 50

  let history = History()
  let seed: UInt64
  let ports: [Int]
  let isOver = Flag()
  private let isContended: Bool
  private let values = Atomic(0)
  private let operations = Atomic(0)
  private let found = Mutex<(problems: [String], counts: Counts)>(([], Counts()))
  /// When writes were acknowledged, in nanoseconds of the history.
  private let acknowledged = Mutex<[UInt64]>([])

  /// - Parameter isContended: false where each client has a name of its own.
  init(seed: UInt64, ports: [Int], isContended: Bool = true) {
    self.seed = seed
    self.ports = ports
    self.isContended = isContended
  }

  var problems: [String] { found.withLock { $0.problems } }
  var counts: Counts { found.withLock { $0.counts } }
  var acknowledgedCount: Int { counts.acknowledged }

  /// Lets clients work until `body` has ended, and others that leave in the middle of what they do.
  func work(clients: Int, leaving: Int, while body: () async throws -> Void) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      for client in 0..<clients {
        group.addTask { try await BlockingThreads.run { self.work(client) } }
      }
      for client in 0..<leaving {
        group.addTask { try await BlockingThreads.run { self.leaveAgainAndAgain(client) } }
      }
      defer { isOver.set() }
      try await body()
      isOver.set()
      try await group.waitForAll()
    }
  }

  private func work(_ client: Int) {
    var random = SeededRandom(seed: seed &+ UInt64(client) &* 0x1234_5677)
    let session = Session(client: client, ports: ports)
    while !isOver.isSet {
      let total = operations.wrappingAdd(1, ordering: .relaxed).oldValue
      let generation = total / (Self.namesAtOnce * Self.operationsPerName)
      let name = "\(generation)/\(isContended ? Int.random(in: 0..<Self.namesAtOnce, using: &random) : client)"
      step(name, session, &random)
    }
  }

  /// The longest time in which no write was acknowledged, and when it began, outside of `excused` times.
  ///
  /// - Parameter excused: when nothing could be written, in nanoseconds of the history.
  func longestRefusal(excusing excused: [Range<UInt64>]) -> (start: UInt64, length: UInt64) {
    let times = acknowledged.withLock { $0 }.sorted()
    var longest = (start: UInt64(0), length: UInt64(0))
    for (before, next) in zip(times, times.dropFirst()) {
      let away = excused.map { range in
        let (start, end) = (max(range.lowerBound, before), min(range.upperBound, next))
        return end > start ? end - start : 0
      }.reduce(0, +)
      let length = next - before
      if length > away, length - away > longest.length { longest = (before, length - away) }
    }
    return longest
  }

  /// Reads every name that was ever touched through every coordinator, when all faults are healed.
  func readAll() async throws {
    for (index, port) in ports.enumerated() {
      try await BlockingThreads.run {
        let session = Session(client: 100 + index, ports: [port])
        for name in self.history.byName.keys.sorted() {
          let before = self.counts
          self.get(name, session, prefix: nil)
          self.list(name, session)
          if self.counts.read < before.read + 2 { self.fail("\(name) can't be read after everything is healed") }
        }
        self.expectNothingUnfinished(port: port)
      }
    }
  }

  // MARK: Operations

  private func step(_ name: String, _ session: Session, _ random: inout SeededRandom) {
    switch Int.random(in: 0..<100, using: &random) {
    case 0..<30: put(name, session)
    case 30..<40: putIfAbsent(name, session, asHeader: .random(using: &random))
    case 40..<50: replace(name, session)
    case 50..<62: delete(name, session)
    case 62..<88: get(name, session, prefix: nil)
    case 88..<95: get(name, session, prefix: Int.random(in: 100...200_000, using: &random))
    default: list(name, session)
    }
  }

  func newValue() -> ChaosValue {
    ChaosValue(values.wrappingAdd(1, ordering: .relaxed).newValue, seed: seed)
  }

  private func put(_ name: String, _ session: Session) {
    let value = newValue()
    perform(name, .put(value.number), session, "PUT", path(name), body: value.bytes) {
      $0.status == 201 ? .created : $0.status == 200 ? .replaced : nil
    }
  }

  private func putIfAbsent(_ name: String, _ session: Session, asHeader: Bool) {
    let value = newValue()
    let query = asHeader ? "" : "?on_conflict=reject"
    perform(
      name, .putIfAbsent(value.number), session, "PUT", path(name) + query,
      headers: asHeader ? ["If-None-Match: *"] : [], body: value.bytes
    ) {
      $0.status == 201 ? .created : $0.status == (asHeader ? 412 : 409) ? .refused : nil
    }
  }

  /// Replaces the value that it has just read.
  private func replace(_ name: String, _ session: Session) {
    guard let read = get(name, session, prefix: nil), let tag = read.tag else { return }
    let value = newValue()
    perform(
      name, .replace(read.value, by: value.number), session, "PUT", path(name), headers: ["If-Match: \(tag)"],
      body: value.bytes
    ) {
      $0.status == 200 ? .replaced : $0.status == 412 ? .refused : nil
    }
  }

  private func delete(_ name: String, _ session: Session) {
    perform(name, .delete, session, "DELETE", path(name)) {
      $0.status == 204 ? .deleted : $0.status == 404 ? .absent : nil
    }
  }

  @discardableResult
  private func get(_ name: String, _ session: Session, prefix: Int?) -> (value: Int, tag: String?)? {
    var read: (value: Int, tag: String?)?
    perform(
      name, .get, session, "GET", path(name), headers: prefix.map { ["Range: bytes=0-\($0 - 1)"] } ?? []
    ) { answer in
      if answer.status == 404 { return .absent }
      guard answer.status == (prefix == nil ? 200 : 206) else { return nil }
      guard let value = ChaosValue.number(of: answer.body, seed: self.seed, isWhole: prefix == nil) else {
        self.fail("\(name): \(answer.body.count) bytes that nobody wrote, \(answer.headers)")
        return .unknown
      }
      read = (value, answer.headers["etag"])
      return .found(value)
    }
    return read
  }

  private func list(_ name: String, _ session: Session) {
    perform(name, .list, session, "GET", "/blobs?prefix=\(name.percentEncoded)") { answer in
      guard answer.status == 200 else { return nil }
      let page = (try? JSONSerialization.jsonObject(with: Data(answer.body))) as? [String: Any]
      guard let blobs = page?["blobs"] as? [[String: Any]] else { return nil }
      return blobs.contains { $0["name"] as? String == name } ? .present : .absent
    }
  }

  private func path(_ name: String) -> String { "/blob/\(name.percentEncoded)" }

  /// - Parameter judge: what an answer means; nil for one that must not come.
  private func perform(
    _ name: String, _ action: History.Operation.Action, _ session: Session, _ method: String, _ path: String,
    headers: [String] = [], body: [UInt8] = [], judge: (WireAnswer) -> History.Operation.Outcome?
  ) {
    // Without a connection nothing was asked.
    guard session.connect() else { return found.withLock { $0.counts.unconnected += 1 } }
    let invoked = history.now
    let answer = session.request(method, path, headers: headers, body: body)
    var outcome = History.Operation.Outcome.unknown
    if let answer {
      // Cairn may say that it can't, but not that it has made an error.
      let isExcused = [503, 507].contains(answer.status)
      if let known = isExcused ? .unknown : judge(answer) {
        outcome = known
      } else {
        fail(
          "\(method) \(path) \(headers): \(answer.status) \(String(decoding: answer.body.prefix(300), as: UTF8.self))")
      }
    }
    let operation = History.Operation(
      client: session.client, name: name, action, outcome, invoked: invoked, completed: history.now)
    history.add(operation)
    if operation.isWrite, outcome != .unknown { acknowledged.withLock { $0.append(history.now) } }
    found.withLock { found in
      switch (operation.isWrite, outcome == .unknown) {
      case (true, true): found.counts.unknown += 1
      case (true, false): found.counts.acknowledged += 1
      case (false, true): found.counts.unread += 1
      case (false, false): found.counts.read += 1
      }
    }
  }

  func fail(_ problem: String) {
    found.withLock { found in
      // The first ones tell the most.
      if found.problems.count < 20 { found.problems.append("at \(history.now / 1_000_000) ms: \(problem)") }
    }
  }
}

/// The connection of one client, to one coordinator after the other. For one thread at a time.
private final class Session {
  let client: Int
  private let ports: [Int]
  private var next: Int
  private var connection: WireClient?

  init(client: Int, ports: [Int]) {
    self.client = client
    self.ports = ports
    next = client
  }

  /// Connects where there is no connection. False where the coordinator is down.
  func connect() -> Bool {
    guard connection == nil else { return true }
    connection = try? WireClient(port: ports[next % ports.count], patience: 20)
    next += 1
    // Not to ask again and again without a pause.
    if connection == nil { usleep(20_000) }
    return connection != nil
  }

  /// The answer, or nil where none came as a whole.
  func request(_ method: String, _ path: String, headers: [String], body: [UInt8]) -> WireAnswer? {
    guard let connection else { return nil }
    do {
      let answer = try connection.request(method, path, headers: headers, body: body[...])
      if answer.headers["connection"] == "close" { self.connection = nil }
      if answer.status >= 500 {
        self.connection = nil
        usleep(50_000)
      }
      return answer
    } catch {
      self.connection = nil
      return nil
    }
  }
}
