import CairnCatalog
import CairnModel
import CairnTestSupport
import Testing

/// What both catalogs promise of the queue of repair work.
@Suite struct RepairContractTests {
  @Test(arguments: Implementation.allCases)
  func aKeyIsQueuedOnce(_ implementation: Implementation) async throws {
    try await withCatalog(implementation) { fixture in
      let queue = fixture.catalog
      #expect(try await queue.count() == 0)
      #expect(try await queue.list(limit: 10).isEmpty)
      #expect(try await queue.claim(worker: "a", limit: 10, lease: minute).isEmpty)
      let first = RepairWork(key: "volume é\0\r\n", kind: "copy", payload: [0, 255, 13, 10])
      #expect(try await queue.enqueue(first))
      #expect(try await queue.enqueue(RepairWork(key: first.key, kind: "other", payload: [])) == false)
      let claimed = try #require(try await queue.claim(worker: "a", limit: 10, lease: minute).first)
      #expect(claimed.work == first)
      #expect(claimed.attempt == 1)
      #expect(try await queue.enqueue(first) == false, "it runs")
      #expect(try await queue.fail(claimed, error: "no", retryAfter: minute))
      #expect(try await queue.enqueue(first) == false, "it will be tried again")
      #expect(try await queue.count() == 1)
    }
  }

  @Test(arguments: Implementation.allCases)
  func workIsClaimedInItsOrderAndByOneWorker(_ implementation: Implementation) async throws {
    try await withCatalog(implementation) { fixture in
      let queue = fixture.catalog
      let keys = (1...20).map { "key \($0)" }
      for key in keys { try await queue.enqueue(work(key)) }
      #expect(try await queue.claim(worker: "a", limit: 0, lease: minute).isEmpty)
      #expect(try await queue.claim(worker: "a", limit: -1, lease: minute).isEmpty)
      var claimed = try await queue.claim(worker: "a", limit: 3, lease: minute)
      #expect(claimed.map(\.work.key) == Array(keys[..<3]))
      claimed += try await queue.claim(worker: "b", limit: 5, lease: minute)
      #expect(claimed.map(\.work.key) == Array(keys[..<8]))
      // Also the same worker gets nothing twice.
      claimed += try await queue.claim(worker: "a", limit: .max, lease: minute)
      #expect(claimed.map(\.work.key) == keys)
      #expect(claimed.map(\.worker) == ["a", "a", "a"] + Array(repeating: "b", count: 5) + keys[8...].map { _ in "a" })
      #expect(try await queue.claim(worker: "c", limit: 10, lease: minute).isEmpty)
    }
  }

  @Test(arguments: Implementation.allCases)
  func urgentWorkIsClaimedFirstUntilItFails(_ implementation: Implementation) async throws {
    try await withCatalog(implementation) { fixture in
      let queue = fixture.catalog
      for key in ["a", "b"] { try await queue.enqueue(work(key)) }
      for key in ["urgent a", "urgent b", "urgent c"] { #expect(try await queue.enqueue(work(key), isUrgent: true)) }
      #expect(try await queue.enqueue(work("a"), isUrgent: true) == false, "it waits already")
      #expect(try await queue.enqueue(work("urgent a")) == false)
      #expect(Set(try await queue.list(limit: 2).map(\.work.key)) == ["urgent a", "urgent b"])
      #expect(try await queue.list(limit: 9).count == 5)
      let claims = try await queue.claim(worker: "x", limit: 3, lease: minute)
      #expect(claims.map(\.work.key) == ["urgent a", "urgent b", "urgent c"])
      #expect(try await queue.complete(claims[0]))
      #expect(try await queue.fail(claims[1], error: "no", retryAfter: .zero))
      #expect(try await queue.renew(claims[2], lease: .zero))
      // What was lost comes first; what failed has to wait for the rest.
      #expect(try await queue.claim(worker: "y", limit: 1, lease: minute).map(\.work.key) == ["urgent c"])
      var left: [String] = []
      for _ in 1...3 { left += try await claimEventually(fixture, worker: "y", limit: 1).map(\.work.key) }
      #expect(left == ["a", "b", "urgent b"])
    }
  }

  @Test(arguments: Implementation.allCases)
  func manyWorkersShareTheWork(_ implementation: Implementation) async throws {
    try await withCatalog(implementation) { fixture in
      let queue = fixture.catalog
      let keys = Set((1...200).map { "key \($0)" })
      try await withThrowingTaskGroup(of: Void.self) { group in
        for key in keys { group.addTask { try await queue.enqueue(work(key)) } }
        try await group.waitForAll()
      }
      let done = try await withThrowingTaskGroup(of: [String].self) { group in
        for worker in 1...8 {
          group.addTask {
            var done: [String] = []
            while true {
              let claimed = try await queue.claim(worker: "worker \(worker)", limit: 3, lease: minute)
              if claimed.isEmpty { return done }
              for claim in claimed {
                if try await queue.complete(claim) { done.append(claim.work.key) }
              }
            }
          }
        }
        return try await group.reduce(into: []) { $0 += $1 }
      }
      #expect(done.count == keys.count)
      #expect(Set(done) == keys)
      #expect(try await queue.count() == 0)
      #expect(try await queue.list(limit: 10).isEmpty)
    }
  }

  @Test(arguments: Implementation.allCases)
  func theWorkOfADeadWorkerIsClaimedAfterItsLeaseAndNotBefore(_ implementation: Implementation) async throws {
    try await withCatalog(implementation) { fixture in
      let queue = fixture.catalog
      for key in ["dead 1", "dead 2", "new"] { try await queue.enqueue(work(key)) }
      let lost = try await queue.claim(worker: "dead", limit: 2, lease: minute)
      #expect(try await queue.claim(worker: "b", limit: 1, lease: minute).map(\.work.key) == ["new"])
      #expect(try await queue.claim(worker: "b", limit: 9, lease: .zero).isEmpty, "not its lease, but theirs, counts")
      try await queue.enqueue(work("newer"))
      for claim in lost { #expect(try await queue.renew(claim, lease: .zero)) }
      // What was lost comes before what is new.
      let found = try await queue.claim(worker: "b", limit: 2, lease: minute)
      #expect(found.map(\.work.key) == ["dead 1", "dead 2"])
      #expect(found.allSatisfy { $0.attempt == 2 && $0.worker == "b" })
      #expect(try await queue.claim(worker: "c", limit: 9, lease: minute).map(\.work.key) == ["newer"])
      // The dead one wasn't: it has no say any more.
      let stale = try #require(lost.first)
      #expect(try await queue.renew(stale, lease: minute) == false)
      #expect(try await queue.progress(stale, done: 1, total: 2) == false)
      #expect(try await queue.fail(stale, error: "late", retryAfter: .zero) == false)
      #expect(try await queue.complete(stale) == false)
      #expect(try await queue.list(limit: 9).allSatisfy { $0.state == .running && $0.lastError == nil })
      for claim in found { #expect(try await queue.complete(claim)) }
      #expect(try await queue.count() == 2)
    }
  }

  /// Redis looks at ten times as many entries as are asked for before it answers.
  @Test(arguments: Implementation.allCases)
  func lostWorkIsFoundBehindMuchThatRuns(_ implementation: Implementation) async throws {
    try await withCatalog(implementation) { fixture in
      let queue = fixture.catalog
      for number in 1...100 { try await queue.enqueue(work("\(number)")) }
      let lost = try #require(try await queue.claim(worker: "a", limit: 100, lease: minute).last)
      #expect(try await queue.renew(lost, lease: .zero))
      #expect(try await queue.claim(worker: "b", limit: 1, lease: minute).map(\.work.key) == ["100"])
      #expect(try await queue.claim(worker: "b", limit: 1, lease: minute).isEmpty)
    }
  }

  /// A worker that was restarted under its old name is told from the one before.
  @Test(arguments: Implementation.allCases)
  func aClaimIsMoreThanTheNameOfItsWorker(_ implementation: Implementation) async throws {
    try await withCatalog(implementation) { fixture in
      let queue = fixture.catalog
      try await queue.enqueue(work("x"))
      let first = try #require(try await queue.claim(worker: "a", limit: 1, lease: moment).first)
      let second = try #require(try await claimEventually(fixture, worker: "a", limit: 1).first)
      #expect(second.attempt == 2)
      #expect(try await queue.complete(first) == false)
      #expect(try await queue.complete(second))
      #expect(try await queue.complete(second) == false)
      // The same key again is other work.
      try await queue.enqueue(work("x"))
      let third = try #require(try await queue.claim(worker: "a", limit: 1, lease: minute).first)
      #expect(third.attempt == 1)
      #expect(try await queue.complete(first) == false)
      #expect(try await queue.renew(third, lease: minute))
    }
  }

  @Test(arguments: Implementation.allCases)
  func aRenewedLeaseIsKept(_ implementation: Implementation) async throws {
    try await withCatalog(implementation) { fixture in
      let queue = fixture.catalog
      for key in ["kept", "lost"] { try await queue.enqueue(work(key)) }
      let claims = try await queue.claim(worker: "a", limit: 2, lease: moment)
      let kept = try #require(claims.first)
      #expect(kept.work.key == "kept")
      #expect(try await queue.renew(kept, lease: minute))
      // Both leases began together: when one has ended, so would have the other.
      #expect(try await claimEventually(fixture, worker: "b", limit: 2).map(\.work.key) == ["lost"])
      #expect(try await queue.claim(worker: "b", limit: 2, lease: minute).isEmpty)
      // A lease that has ended can be renewed as long as nobody else claimed the work.
      #expect(try await queue.renew(kept, lease: .zero))
      #expect(try await queue.renew(kept, lease: minute))
      #expect(try await queue.claim(worker: "b", limit: 2, lease: minute).isEmpty)
      #expect(try await queue.complete(kept))
    }
  }

  @Test(arguments: Implementation.allCases)
  func failedWorkIsTriedAgainAfterItsTime(_ implementation: Implementation) async throws {
    try await withCatalog(implementation) { fixture in
      let queue = fixture.catalog
      for key in ["later", "soon"] { try await queue.enqueue(work(key)) }
      let claims = try await queue.claim(worker: "a", limit: 2, lease: minute)
      for claim in claims {
        let time = claim.work.key == "soon" ? moment : .seconds(3600)
        #expect(try await queue.fail(claim, error: "no \(claim.work.key)", retryAfter: time))
        #expect(try await queue.fail(claim, error: "again", retryAfter: .zero) == false)
      }
      let list = try await queue.list(limit: 10)
      #expect(list.map(\.work.key) == ["soon", "later"])
      #expect(list.map(\.state) == [.retrying, .retrying])
      #expect(list.map(\.lastError) == ["no soon", "no later"])
      try await queue.enqueue(work("new"))
      #expect(try await queue.claim(worker: "b", limit: 1, lease: minute).map(\.work.key) == ["new"])
      let again = try #require(try await claimEventually(fixture, worker: "b", limit: 2).first)
      #expect(again.work == work("soon"))
      #expect(again.attempt == 2)
      #expect(try await queue.fail(again, error: "still no", retryAfter: minute))
      let failed = try #require(try await queue.list(limit: 10).first { $0.work.key == "soon" })
      #expect(failed.attempts == 2)
      #expect(failed.lastError == "still no")
      #expect(try await queue.count() == 3)
    }
  }

  @Test(arguments: Implementation.allCases)
  func theListShowsHowThingsAre(_ implementation: Implementation) async throws {
    try await withCatalog(implementation) { fixture in
      let queue = fixture.catalog
      for key in ["fails", "runs", "waits", "waits too"] { try await queue.enqueue(work(key)) }
      let claims = try await queue.claim(worker: "wörker", limit: 2, lease: minute)
      #expect(try await queue.progress(claims[0], done: 1, total: 2))
      #expect(try await queue.fail(claims[0], error: "käput", retryAfter: minute))
      #expect(try await queue.progress(claims[1], done: 0, total: 0))
      #expect(try await queue.progress(claims[1], done: .max - 1, total: .max))
      let list = try await queue.list(limit: 10)
      #expect(list.map(\.work) == ["runs", "waits", "waits too", "fails"].map(work))
      #expect(list.map(\.state) == [.running, .waiting, .waiting, .retrying])
      #expect(list.map(\.worker) == ["wörker", nil, nil, "wörker"])
      #expect(list.map(\.attempts) == [1, 0, 0, 1])
      #expect(list.map(\.lastError) == [nil, nil, nil, "käput"])
      #expect(list.map(\.progress?.done) == [.max - 1, nil, nil, 1])
      #expect(list.map(\.progress?.total) == [.max, nil, nil, 2])
      let hour: UInt64 = 3_600_000
      for work in list {
        let age = Int64(Timestamp.now().millisecondsSinceEpoch) - Int64(work.since.millisecondsSinceEpoch)
        #expect(age.magnitude < hour)
      }
      #expect(try await queue.list(limit: 2) == Array(list[..<2]))
      #expect(try await queue.list(limit: 3) == Array(list[..<3]))
      #expect(try await queue.list(limit: 4) == list)
      #expect(try await queue.list(limit: 0).isEmpty)
      #expect(try await queue.count() == 4)
    }
  }

  // MARK: Time

  /// Longer than any test.
  private let minute: Duration = .seconds(60)
  /// Longer than nothing.
  private let moment: Duration = .milliseconds(20)

  private func work(_ key: String) -> RepairWork { RepairWork(key: key, kind: "test", payload: Array(key.utf8)) }

  /// What can be claimed once a ``moment`` has passed, by SQLite's clock or by that of Redis.
  private func claimEventually(
    _ fixture: CatalogFixture, worker: String, limit: Int
  ) async throws -> [ClaimedWork] {
    if case let claimed = try await fixture.catalog.claim(worker: worker, limit: limit, lease: minute),
      !claimed.isEmpty
    {
      return claimed
    }
    fixture.clock.advance(by: moment)
    return try await eventually {
      let claimed = try await fixture.catalog.claim(worker: worker, limit: limit, lease: minute)
      guard !claimed.isEmpty else { throw CatalogError.failed("there is nothing to claim") }
      return claimed
    }
  }
}
