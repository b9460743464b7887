import CairnCatalog
import CairnCluster
import CairnModel
import CairnObjects
import CairnStorage
import NIOCore
import Testing

@Suite struct ObjectServiceTests {
  @Test(arguments: [0, 1, 999, 1000, 1001, 2000, 5003], [1, 300, 1000, 100_000])
  func bytesComeBackHoweverTheyArrive(size: Int, pieces: Int) async throws {
    try await ObjectFixture.with { fixture in
      let bytes = ObjectFixture.bytes(size)
      let result = try await fixture.put("k", bytes, pieces: pieces)
      #expect(result.object.attributes.size == UInt64(size))
      #expect(result.object.attributes.layout == (size > 1000 ? .manifest : .inline))
      #expect(try await fixture.get("k") == bytes)
    }
  }

  @Test func rangesCrossChunks() async throws {
    try await ObjectFixture.with { fixture in
      let bytes = ObjectFixture.bytes(3500)
      try await fixture.put("k", bytes)
      for range in [0..<1, 999..<1001, 0..<3500, 1000..<2000, 3499..<3500, 500..<3200] {
        let found = try await fixture.get("k", UInt64(range.lowerBound)..<UInt64(range.upperBound))
        #expect(found == Array(bytes[range]))
      }
    }
  }

  @Test func digestsAreOfAllBytes() async throws {
    try await ObjectFixture.with { fixture in
      let result = try await fixture.put("k", Array(String(repeating: "a", count: 2500).utf8))
      // md5sum and sha256sum of 2,500 times "a".
      #expect(result.object.attributes.md5?.hexadecimal == "02cc5d5de2e53b5ed3f09a965bd77700")
      #expect(
        result.object.attributes.sha256?.hexadecimal
          == "40a8d9b953c2402cdebec4888b4c3ca2f4f577f9cfd8675ac2a57852879e0db2")
    }
  }

  @Test func unreachableNodeIsReplacedWithoutTheClientNoticing() async throws {
    try await ObjectFixture.with(nodes: 3) { fixture in
      for index in 0..<20 { try await fixture.put("before\(index)", [UInt8(index)]) }
      let broken = fixture.nodes[0]
      broken.fault = .unreachable
      for index in 0..<20 {
        let bytes = ObjectFixture.bytes(2500, seed: UInt8(index))
        let result = try await fixture.put("k\(index)", bytes)
        #expect(!result.nodes.contains(broken.id))
        #expect(try await fixture.get("k\(index)") == bytes)
      }
      #expect(!fixture.view.isActive(broken.id))
      // Found out once, not with each write.
      #expect(broken.appends <= 20 + 2)
    }
  }

  @Test func nodesThatDieBeforeTheirFirstVolumeAreSkipped() async throws {
    try await ObjectFixture.with(nodes: 3) { fixture in
      fixture.nodes[0].fault = .unreachable
      fixture.nodes[1].fault = .unreachable
      let result = try await fixture.put("k", [1])
      #expect(result.nodes == [fixture.nodes[2].id])
      #expect(try await fixture.get("k") == [1])
    }
  }

  @Test func closedVolumeIsReplaced() async throws {
    try await ObjectFixture.with { fixture in
      let first = try await fixture.put("a", [1])
      try await fixture.nodes[0].store.seal(first.object.head.volume)
      let second = try await fixture.put("b", [2])
      #expect(second.object.head.volume != first.object.head.volume)
      #expect(try await fixture.catalog.volume(first.object.head.volume)?.state == .sealed)
      #expect(try await fixture.get("a") == [1])
    }
  }

  @Test func fullDisksAreToldApartFromDeadNodes() async throws {
    try await ObjectFixture.with(nodes: 2) { fixture in
      try await fixture.put("k", [1])
      for node in fixture.nodes { node.fault = .readOnly }
      await #expect { try await fixture.put("k", [2]) } throws: { error in
        if case ObjectError.noSpace = error { true } else { false }
      }
      for node in fixture.nodes { node.fault = .unreachable }
      // What they did before they could not be reached, nobody knows.
      await #expect { try await fixture.put("k", [2]) } throws: { error in
        if case ObjectError.outcomeUnknown(.noActiveNode) = error { true } else { false }
      }
    }
  }

  @Test func cutOffBodyLeavesNoObject() async throws {
    struct CutOff: Error {}
    try await ObjectFixture.with { fixture in
      let source = BodySource(length: 10_000) { throw CutOff() }
      await #expect(throws: ObjectError.self) {
        try await fixture.objects.put(
          ObjectName(key: ObjectKey("k")), source, UploadDescription(contentType: "a/b"), onConflict: .overwrite)
      }
      let found = try await fixture.get("k")
      #expect(found == nil)
    }
  }

  @Test func bodyOverTheLimitIsRefused() async throws {
    try await ObjectFixture.with { fixture in
      await #expect {
        try await fixture.put("k", [UInt8](repeating: 0, count: (10 << 20) + 1), pieces: 1 << 20)
      } throws: {
        if case ObjectError.tooLarge(limit: 10 << 20) = $0 { true } else { false }
      }
      let found = try await fixture.get("k")
      #expect(found == nil)
    }
  }

  @Test func clockThatIsBehindDoesNotLoseWrites() async throws {
    try await ObjectFixture.with { fixture in
      let future = BlobID(high: fixture.ids.next().high + 1 << 40, low: 0)
      let first = try await fixture.put("k", [1])
      // Another coordinator with a fast clock wrote the name.
      let foreign = StoredObject(
        head: BlobLocation(volume: first.object.head.volume, blob: future), attributes: first.object.attributes)
      _ = try await fixture.catalog.put(foreign, as: ObjectName(key: ObjectKey("k")), if: .always)
      let last = try await fixture.put("k", [2])
      #expect(last.object.head.blob > future)
      #expect(try await fixture.get("k") == [2])
    }
  }

  @Test func conflictRulesDecide() async throws {
    try await ObjectFixture.with { fixture in
      let first = try await fixture.put("report.pdf", [1])
      #expect(try await fixture.put("report.pdf", [2]).replaced)
      await #expect(throws: ObjectError.self) { try await fixture.put("report.pdf", [3], onConflict: .reject) }
      let renamed = try await fixture.put("report.pdf", [4], onConflict: .rename)
      let name = try #require(renamed.name.key.text.wholeMatch(of: /report_[a-z0-9]{5}\.pdf/))
      #expect(try await fixture.get(String(name.output)) == [4])
      await #expect(throws: ObjectError.self) {
        try await fixture.put("report.pdf", [5], onConflict: .replace(first.object.head.blob))
      }
      #expect(try await fixture.get("report.pdf") == [2])
    }
  }

  @Test(arguments: [
    (String(repeating: "x", count: 1024), ""), (String(repeating: "x", count: 1020) + ".pdf", ".pdf"),
    (String(repeating: "x", count: 1017) + ".c", ".c"), (String(repeating: "🏔", count: 255) + ".pdf", ".pdf"),
    ("é." + String(repeating: "x", count: 1021), ""), (String(repeating: "d/", count: 510) + "a.c", ""),
    ("a" + String(repeating: "\u{301}", count: 511), ""),
  ])
  func aNameThatIsTooLongToGrowIsShortened(name: String, ending: String) async throws {
    try await ObjectFixture.with { fixture in
      _ = try await fixture.put(name, [1])
      let renamed = try await fixture.put(name, [2], onConflict: .rename).name.key.text
      #expect(renamed.utf8.count <= 1024)
      #expect(renamed.utf8.count > 1020)
      #expect(renamed.contains(/_[a-z0-9]{5}/))
      #expect(renamed.unicodeScalars.starts(with: name.unicodeScalars.prefix(1)))
      #expect(renamed.hasSuffix(ending))
      #expect(try await fixture.get(renamed) == [2])
      #expect(try await fixture.get(name) == [1])
    }
  }

  @Test func manyRenamesAtOnceGiveManyNames() async throws {
    try await ObjectFixture.with { fixture in
      let names = try await withThrowingTaskGroup(of: String.self) { group in
        for index in 0..<100 {
          group.addTask { try await fixture.put("a.txt", [UInt8(index)], onConflict: .rename).name.key.text }
        }
        return try await group.reduce(into: Set()) { $0.insert($1) }
      }
      #expect(names.count == 100)
    }
  }

  @Test func concurrentWritersOfOneNameLeaveOneOfTheirObjects() async throws {
    try await ObjectFixture.with { fixture in
      try await withThrowingTaskGroup(of: Void.self) { group in
        for index in 0..<50 {
          group.addTask { try await fixture.put("k", ObjectFixture.bytes(1500, seed: UInt8(index))) }
        }
        try await group.waitForAll()
      }
      let found = try #require(try await fixture.get("k"))
      #expect((0..<50).contains { found == ObjectFixture.bytes(1500, seed: UInt8($0)) })
    }
  }

  @Test func deletedNamesAreGone() async throws {
    try await ObjectFixture.with { fixture in
      let name = ObjectName(key: try ObjectKey("k"))
      let first = try await fixture.put("k", [1])
      try await fixture.put("k", [2])
      await #expect(throws: ObjectError.self) {
        try await fixture.objects.delete(name, expecting: first.object.head.blob)
      }
      #expect(try await fixture.objects.delete(name))
      #expect(try await fixture.objects.delete(name) == false)
      let found = try await fixture.get("k")
      #expect(found == nil)
    }
  }

  @Test func uploadsWaitForMemoryInsteadOfTakingIt() async throws {
    // One chunk of memory for all: they have to take turns, and all of them succeed.
    try await ObjectFixture.with(chunkSize: 100_000, budget: 300_000) { fixture in
      try await withThrowingTaskGroup(of: Void.self) { group in
        for index in 0..<20 {
          group.addTask {
            try await fixture.put(
              "k\(index)", ObjectFixture.bytes(350_000, seed: UInt8(index)), pieces: 70_000)
          }
        }
        try await group.waitForAll()
      }
      for index in 0..<20 {
        #expect(try await fixture.get("k\(index)") == ObjectFixture.bytes(350_000, seed: UInt8(index)))
      }
    }
  }
}
