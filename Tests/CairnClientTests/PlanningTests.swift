import CairnClient
import CairnModel
import Testing

@Suite struct SyncPlanTests {
  @Test func whatIsMissingOrOfAnotherSizeIsTransferred() {
    let plan = SyncPlan(source: ["new": 1, "grown": 2, "same": 3], target: ["grown": 1, "same": 3, "old": 4])
    #expect(plan.transfers == ["grown", "new"])
    #expect(plan.comparisons == ["same"])
    #expect(plan.extras == ["old"])
  }

  @Test func ofThoseOfTheSameSizeOnlyThoseThatDifferAreTransferred() {
    let plan = SyncPlan(source: ["a": 3, "b": 3, "c": 0, "new": 1], target: ["a": 3, "b": 3, "c": 0])
    let settled = plan.settled { $0 == "b" }
    #expect(settled.transfers == ["b", "new"])
    #expect(settled.comparisons.isEmpty)
  }

  @Test func namesOfOtherBytesAreOtherNames() {
    let plan = SyncPlan(source: ["caf\u{e9}": 1, "cafe\u{301}": 1, "K": 2], target: ["cafe\u{301}": 1, "\u{212A}": 2])
    #expect(plan.transfers == ["K", "caf\u{e9}"])
    #expect(plan.comparisons == ["cafe\u{301}"])
    #expect(plan.extras == ["\u{212A}"])
  }

  @Test func twoThatAreTheSameNeedNothing() {
    let plan = SyncPlan(source: [:], target: [:])
    #expect(plan.transfers.isEmpty && plan.comparisons.isEmpty && plan.extras.isEmpty)
  }
}

@Suite struct RetryPolicyTests {
  @Test func pausesDoubleUpToALimit() {
    let policy = RetryPolicy(retries: 20)
    #expect(policy.pause(failures: 1, jitter: 1) == .milliseconds(200))
    #expect(policy.pause(failures: 2, jitter: 1) == .milliseconds(400))
    #expect(policy.pause(failures: 3, jitter: 0) == .milliseconds(400))
    #expect(policy.pause(failures: 20, jitter: 1) == .seconds(10))
  }

  @Test func afterTheRetriesItIsGivenUp() {
    #expect(RetryPolicy(retries: 2).pause(failures: 2, jitter: 0) != nil)
    #expect(RetryPolicy(retries: 2).pause(failures: 3, jitter: 0) == nil)
    #expect(RetryPolicy(retries: 0).pause(failures: 1, jitter: 0) == nil)
  }

  @Test func theServersWishIsHeardUpToTheLimit() {
    let policy = RetryPolicy(retries: 3)
    #expect(policy.pause(failures: 1, asked: 5, jitter: 0) == .seconds(5))
    #expect(policy.pause(failures: 1, asked: 3600, jitter: 0) == .seconds(10))
  }

  @Test func onlyWhatMayGoAwayIsTransient() {
    #expect(ClientError.broken("x").isTransient)
    #expect(ClientError.busy("x", retryAfter: nil).isTransient)
    #expect(ClientError.unreachable("x").isTransient)
    for error in [ClientError.mismatch("x"), .notFound("x"), .refused("x"), .changed("x"), .local("x")] {
      #expect(!error.isTransient)
    }
  }
}

@Suite struct UploadTargetTests {
  private func find(_ words: ByteText..., name: ByteText? = nil) throws -> [ByteText] {
    let targets = try UploadTargets.find(words, name: name, folderName: { _ in "here" }) { path in
      if path.hasPrefix("dir") || path == "." { return .folder }
      return path.hasPrefix("file") ? .file : .absent
    }
    return targets.map(\.name)
  }

  @Test func filesAndFoldersKeepTheirNames() throws {
    #expect(try find("file") == ["file"])
    #expect(try find("file1", "file2") == ["file1", "file2"])
    #expect(try find("dir") == ["dir/"])
    #expect(try find("dir/") == ["dir/"])
    #expect(try find(".") == ["here/"])
    #expect(try find("x/file") == ["file"])
    #expect(try find("file/\u{301}") == ["\u{301}"])
  }

  @Test func theLastWordMayBeTheName() throws {
    #expect(try find("file", "other") == ["other"])
    #expect(try find("file", "a/b") == ["a/b"])
    #expect(try find("file", "a/") == ["a/file"])
    #expect(try find("file1", "file2", "a/") == ["a/file1", "a/file2"])
    #expect(try find("dir", "a") == ["a/"])
    #expect(try find("dir", "a/") == ["a/dir/"])
    #expect(try find("-", "piped") == ["piped"])
    #expect(try find("file", "a/\u{301}") == ["a/\u{301}"])
    #expect(try find("file1", name: "file2") == ["file2"])
  }

  @Test func whatSaysNothingClearIsRefused() {
    #expect(throws: UploadTargets.Mistake.self) { try find("-") }
    #expect(throws: UploadTargets.Mistake.self) { try find("-", "a/") }
    #expect(throws: UploadTargets.Mistake.self) { try find("file1", "file2", name: "a") }
    #expect(throws: UploadTargets.Mistake.self) { try find() }
  }
}

@Suite struct LatencyTests {
  @Test func percentilesAreOfTheSorted() {
    let latencies = Latencies((1...100).reversed().map { .milliseconds($0) })
    #expect(latencies.milliseconds(0.5) == 50)
    #expect(latencies.milliseconds(0.99) == 99)
    #expect(latencies.milliseconds(1) == 100)
    #expect(Latencies([]).milliseconds(0.5) == 0)
  }
}
