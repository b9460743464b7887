import CairnTestSupport
import Foundation
import Testing

extension ClusterSuite {
  /// Many clients want the same name, and each says what it believes to be there.
  @Suite struct ContentionTests {
    private static let clients = 32
    /// Rounds between two deaths of a coordinator.
    private static let roundsPerKill = 25

    private struct Attempt: Sendable {
      let value: Int
      /// nil where no answer came.
      let status: Int?
      let body: String
    }

    /// Every round ends with one winner: the name goes from one known value to that of the client that was told so.
    @Test func ofManyConditionalWritesOneWins() async throws {
      let rounds = Environment.variable("CAIRN_CHAOS_SECONDS") == nil ? 100 : 1000
      let cluster = try await Cluster(coordinators: 2, nodes: 2)
      var random = SeededRandom(for: "contention")
      var (tag, value): (String?, Int?) = (nil, nil)
      var unanswered = 0
      for round in 0..<rounds {
        let isKilled = round % Self.roundsPerKill == Self.roundsPerKill - 1
        if round % 10 == 9, tag != nil {
          #expect(try await cluster.curl()("/blob/contended", "-X", "DELETE").status == 204)
          (tag, value) = (nil, nil)
        }
        let ports = cluster.coordinators.map(\.port)
        let condition = tag.map { "If-Match: \($0)" } ?? "If-None-Match: *"
        let delay = Duration.microseconds(Int.random(in: 0...30_000, using: &random))
        let attempts = try await withThrowingTaskGroup(of: Attempt.self) { group in
          for client in 0..<Self.clients {
            group.addTask {
              try await BlockingThreads.run {
                Self.attempt(round * Self.clients + client + 1, port: ports[client % ports.count], condition)
              }
            }
          }
          if isKilled {
            try await Task.sleep(for: delay)
            try await cluster.coordinators[round / Self.roundsPerKill % 2].kill()
          }
          return try await group.reduce(into: [Attempt]()) { $0.append($1) }
        }
        if isKilled {
          let index = round / Self.roundsPerKill % 2
          try await cluster.coordinators[index].restart()
          // Until then it doesn't say whether a condition holds.
          try await eventually("ready") { try await cluster.curl(index)("/ready").status == 200 }
        }

        let winners = attempts.filter { $0.status == 201 || $0.status == 200 }
        let lost = attempts.filter { $0.status == nil }
        let others = attempts.filter { $0.status != nil && $0.status != 412 && $0.status != 201 && $0.status != 200 }
        unanswered += lost.count
        #expect(others.isEmpty, "round \(round): \(others.map { "\($0.status ?? 0) \($0.body)" })")
        #expect(winners.count <= 1, "round \(round): \(winners.map(\.value)) were all told that they won")
        #expect(!winners.isEmpty || isKilled, "round \(round): nobody won")
        let read = try await eventually("the name can be read") { () -> Curl.Answer? in
          let answer = try await cluster.curl(round % 2)("/blob/contended")
          return answer.status < 500 ? answer : nil
        }
        let found = read.status == 200 ? Int(read.text) : nil
        if let winner = winners.first {
          #expect(found == winner.value, "round \(round)")
        } else {
          let possible = [value] + lost.map(\.value)
          #expect(possible.contains(found), "round \(round): \(found.map { "\($0)" } ?? "nothing")")
        }
        (tag, value) = (read.status == 200 ? read.headers["etag"] : nil, found)
      }
      print("contention: \(rounds) rounds of \(Self.clients) clients, \(unanswered) attempts without an answer")
      #expect(unanswered < rounds * Self.clients / 10)
    }

    private static func attempt(_ value: Int, port: Int, _ condition: String) -> Attempt {
      let answer = try? WireClient(port: port).request(
        "PUT", "/blob/contended", headers: [condition], body: Array("\(value)".utf8)[...])
      return Attempt(
        value: value, status: answer?.status, body: answer.map { String(decoding: $0.body, as: UTF8.self) } ?? "")
    }
  }
}
