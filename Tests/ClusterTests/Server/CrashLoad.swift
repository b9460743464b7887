import CairnTestSupport
import Foundation
import Synchronization

/// What a test wrote: a slice of ``RandomBytes``.
struct Content: Hashable, Sendable, CustomStringConvertible {
  var offset: Int
  var count: Int

  var bytes: ArraySlice<UInt8> { RandomBytes.slice(from: offset, count: count) }
  var description: String { "\(count) bytes from \(offset)" }

  /// One comparison of memory: a loop over bytes takes its time in a debug build.
  func isSame(as found: [UInt8]) -> Bool {
    guard found.count == count else { return false }
    return bytes.withUnsafeBytes { expected in
      found.withUnsafeBytes { found in
        guard let left = expected.baseAddress, let right = found.baseAddress else { return true }
        return memcmp(left, right, count) == 0
      }
    }
  }

  /// Mostly small, sometimes of more than one chunk.
  static func random(using random: inout SeededRandom) -> Content {
    let count =
      switch Int.random(in: 0..<100, using: &random) {
      case 0..<55: Int.random(in: 0...4096, using: &random)
      case 55..<85: Int.random(in: 4097...65_536, using: &random)
      case 85..<96: Int.random(in: 65_537...1_048_576, using: &random)
      default: Int.random(in: 8_388_607...10_000_000, using: &random)
      }
    return Content(offset: Int.random(in: 0..<16 << 20, using: &random), count: count)
  }
}

/// One client that writes, overwrites and deletes names of its own, and knows what the server owes it.
/// For one thread at a time.
final class CrashWriter: @unchecked Sendable {
  private struct Owed {
    /// What was acknowledged; nil for a name that is not there.
    var content: Content?
    /// What was asked for and not answered: it may have happened or not.
    var unanswered: Content??
    var isTouched = true
  }

  private let number: Int
  private var random: SeededRandom
  private var names: [String: Owed] = [:]
  private(set) var problems: [String] = []
  private(set) var acknowledgedCount = 0
  /// Operations that a crash left without an answer.
  private(set) var unansweredCount = 0

  init(number: Int, seed: UInt64) {
    self.number = number
    random = SeededRandom(seed: seed &+ UInt64(number) &* 0x1234_5677)
  }

  /// Names that the server must list.
  var present: [String] { names.filter { $0.value.content != nil }.map(\.key) }

  /// Works until the server goes away.
  func work(port: Int, until isOver: @Sendable () -> Bool = { false }) {
    guard let client = try? WireClient(port: port) else { return }
    while !isOver() {
      let name = "writer \(number)/\(Int.random(in: 0..<40, using: &random))"
      do {
        switch Int.random(in: 0..<100, using: &random) {
        case 0..<68: try put(name, client)
        case 68..<80: try putIfAbsent(name, client)
        default: try delete(name, client)
        }
      } catch {
        unansweredCount += 1
        return
      }
    }
  }

  /// Reads back what it is owed, after the server came back.
  ///
  /// - Parameter all: also names that were not touched since the last time.
  func verify(port: Int, all: Bool) {
    do {
      let client = try WireClient(port: port)
      for (name, owed) in names where all || owed.isTouched {
        names[name] = try check(name, owed, client)
      }
    } catch {
      problems.append("writer \(number): \(error)")
    }
  }

  private func check(_ name: String, _ owed: Owed, _ client: WireClient) throws -> Owed {
    let answer = try client.request("GET", "/blob/\(name.percentEncoded)")
    var allowed = [owed.content]
    if let unanswered = owed.unanswered { allowed.append(unanswered) }
    for content in allowed {
      let isIt =
        switch content {
        case nil: answer.status == 404
        case let content?: answer.status == 200 && content.isSame(as: answer.body)
        }
      if isIt { return Owed(content: content, unanswered: nil, isTouched: false) }
    }
    let expected = allowed.map { $0.map { "\($0)" } ?? "no file" }.joined(separator: " or ")
    problems.append("\(name): expected \(expected), found status \(answer.status) with \(answer.body.count) bytes")
    return owed
  }

  private func put(_ name: String, _ client: WireClient) throws {
    let content = Content.random(using: &random)
    names[name, default: Owed()].isTouched = true
    names[name]?.unanswered = .some(content)
    let answer = try client.request("PUT", "/blob/\(name.percentEncoded)", body: content.bytes)
    settle(name, content, answer, expected: names[name]?.content == nil ? 201 : 200)
  }

  private func putIfAbsent(_ name: String, _ client: WireClient) throws {
    let content = Content.random(using: &random)
    let current = names[name]?.content
    names[name, default: Owed()].isTouched = true
    // Where there is a file it must stay, answered or not.
    names[name]?.unanswered = .some(current ?? content)
    let answer = try client.request(
      "PUT", "/blob/\(name.percentEncoded)?on_conflict=reject", body: content.bytes)
    settle(name, current ?? content, answer, expected: current == nil ? 201 : 409)
  }

  private func delete(_ name: String, _ client: WireClient) throws {
    names[name, default: Owed()].isTouched = true
    names[name]?.unanswered = .some(nil)
    let answer = try client.request("DELETE", "/blob/\(name.percentEncoded)")
    settle(name, nil, answer, expected: names[name]?.content == nil ? 404 : 204)
  }

  private func settle(_ name: String, _ content: Content?, _ answer: WireAnswer, expected: Int) {
    if answer.status != expected {
      problems.append(
        "\(name): status \(answer.status) for \(expected): \(String(decoding: answer.body, as: UTF8.self))")
    }
    names[name] = Owed(content: content, unanswered: nil)
    acknowledgedCount += 1
  }
}

/// Several ``CrashWriter``s.
struct CrashLoad {
  let writers: [CrashWriter]

  init(writers count: Int, seed: UInt64) {
    writers = (0..<count).map { CrashWriter(number: $0, seed: seed) }
  }

  /// Lets all work until `end` has ended the server.
  func work(port: Int, _ end: () async throws -> Void) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      for writer in writers {
        group.addTask { try await BlockingThreads.run { writer.work(port: port) } }
      }
      try await end()
      try await group.waitForAll()
    }
  }

  func verify(port: Int, all: Bool) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      for writer in writers {
        group.addTask { try await BlockingThreads.run { writer.verify(port: port, all: all) } }
      }
      try await group.waitForAll()
    }
  }

  var problems: [String] { writers.flatMap(\.problems) }
  var acknowledgedCount: Int { writers.reduce(0) { $0 + $1.acknowledgedCount } }
  var unansweredCount: Int { writers.reduce(0) { $0 + $1.unansweredCount } }
  var present: Set<String> { Set(writers.flatMap(\.present)) }
}
