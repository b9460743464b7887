import CairnCatalog
import CairnModel
import CairnTestSupport
import Testing

/// What became of versions.
private struct Fates: Sendable {
  var committed: [BlobID] = []
  /// Replaced or deleted.
  var gone: [BlobID] = []
}

/// What both catalogs promise about objects.
@Suite struct ObjectContractTests {
  @Test(arguments: Implementation.allCases)
  func whatWasPutIsFoundByNameAndByVersion(_ implementation: Implementation) async throws {
    try await withCatalog(implementation) { fixture in
      let catalog = fixture.catalog
      let name = try name("a/b c%\u{1}🏔️")
      var object = makeObject(version(1), size: 42, contentType: "image/png")
      object.attributes.originalFilename = "été.png"
      object.attributes.unknown = [UnknownAttribute(tag: 99, value: [0, 255, 13, 10])]
      #expect(try await catalog.object(name) == nil)
      #expect(try await catalog.object(version: version(1), in: .default) == nil)
      #expect(try await catalog.put(object, as: name, if: .always) == .committed(replaced: nil))
      #expect(try await catalog.object(name) == object)
      let found = try #require(try await catalog.object(version: version(1), in: .default))
      #expect(found.0 == name.key)
      #expect(found.1 == object)
      #expect(try await catalog.object(version: version(1), in: BucketName("other")) == nil)
    }
  }

  @Test(arguments: Implementation.allCases)
  func anOverwrittenVersionIsGivenBackAndFoundNoMore(_ implementation: Implementation) async throws {
    try await withCatalog(implementation) { fixture in
      let catalog = fixture.catalog
      let name = try name("file")
      let (first, second) = (makeObject(version(1)), makeObject(version(2)))
      _ = try await catalog.put(first, as: name, if: .always)
      #expect(try await catalog.put(second, as: name, if: .always) == .committed(replaced: first))
      #expect(try await catalog.object(name) == second)
      #expect(try await catalog.object(version: version(1), in: .default) == nil)
      #expect(try await catalog.object(version: version(2), in: .default)?.1 == second)
    }
  }

  @Test(arguments: Implementation.allCases)
  func theCurrentVersionCanBeSaidToBeElsewhere(_ implementation: Implementation) async throws {
    try await withCatalog(implementation) { fixture in
      let catalog = fixture.catalog
      let name = try name("file")
      let first = makeObject(version(1))
      var elsewhere = first
      elsewhere.head = BlobLocation(volume: VolumeID.make(), blob: version(1))
      #expect(try await !catalog.relocate(elsewhere, as: name))
      #expect(try await catalog.object(name) == nil)
      _ = try await catalog.put(first, as: name, if: .always)
      // A put of the same version, as a replay makes it, leaves it where it is.
      #expect(try await catalog.put(elsewhere, as: name, if: .always) == .committed(replaced: nil))
      #expect(try await catalog.object(name) == first)
      for _ in 1...2 { #expect(try await catalog.relocate(elsewhere, as: name)) }
      #expect(try await catalog.object(name) == elsewhere)
      #expect(try await catalog.object(version: version(1), in: .default)?.1 == elsewhere)
      _ = try await catalog.put(makeObject(version(2)), as: name, if: .always)
      #expect(try await !catalog.relocate(first, as: name))
      #expect(try await catalog.object(name) == makeObject(version(2)))
    }
  }

  @Test(arguments: Implementation.allCases)
  func aVersionOlderThanTheCurrentOneIsStale(_ implementation: Implementation) async throws {
    try await withCatalog(implementation) { fixture in
      let catalog = fixture.catalog
      let name = try name("file")
      // Every pair that differs in one byte only, so that a comparison in another order than the bytes' fails.
      for shift in stride(from: 0, to: 64, by: 8) {
        for inHigh in [true, false] {
          let one = UInt64(1) << shift
          let base: UInt64 = 0x7F7F_7F7F_7F7F_7F7F
          let older = BlobID(high: base, low: base)
          let newer = inHigh ? BlobID(high: base + one, low: base) : BlobID(high: base, low: base + one)
          let name = try ObjectName(key: ObjectKey("file \(shift) \(inHigh)"))
          _ = try await catalog.put(makeObject(newer), as: name, if: .always)
          #expect(try await catalog.put(makeObject(older), as: name, if: .always) == .stale(newest: newer))
          #expect(try await catalog.object(name)?.head.blob == newer)
        }
      }
      // Bytes from 0x80 up are greater than those below, whatever a locale thinks.
      _ = try await catalog.put(makeObject(BlobID(high: 0x80FF_0000, low: 0)), as: name, if: .always)
      let low = BlobID(high: 0x7F00_FFFF, low: .max)
      #expect(
        try await catalog.put(makeObject(low), as: name, if: .always)
          == .stale(newest: BlobID(high: 0x80FF_0000, low: 0)))
    }
  }

  /// The answer to the first try was lost: the second must not say `stale`, nor call the object its own garbage.
  @Test(arguments: Implementation.allCases, [WriteCondition.always, .absent])
  func puttingTheCurrentVersionAgainIsCommitted(
    _ implementation: Implementation, _ condition: WriteCondition
  ) async throws {
    try await withCatalog(implementation) { fixture in
      let catalog = fixture.catalog
      let name = try name("file")
      let object = makeObject(version(5))
      #expect(try await catalog.put(object, as: name, if: condition) == .committed(replaced: nil))
      #expect(try await catalog.put(object, as: name, if: condition) == .committed(replaced: nil))
      #expect(try await catalog.object(name) == object)
    }
  }

  @Test(arguments: Implementation.allCases)
  func aRetriedReplacementIsCommittedAndReplacesNothingTwice(_ implementation: Implementation) async throws {
    try await withCatalog(implementation) { fixture in
      let catalog = fixture.catalog
      let name = try name("file")
      let (first, second) = (makeObject(version(1)), makeObject(version(2)))
      _ = try await catalog.put(first, as: name, if: .always)
      #expect(try await catalog.put(second, as: name, if: .version(version(1))) == .committed(replaced: first))
      #expect(try await catalog.put(second, as: name, if: .version(version(1))) == .committed(replaced: nil))
    }
  }

  @Test(arguments: Implementation.allCases)
  func aRetryThatWasOvertakenIsStale(_ implementation: Implementation) async throws {
    try await withCatalog(implementation) { fixture in
      let catalog = fixture.catalog
      let name = try name("file")
      _ = try await catalog.put(makeObject(version(1)), as: name, if: .always)
      _ = try await catalog.put(makeObject(version(2)), as: name, if: .always)
      #expect(
        try await catalog.put(makeObject(version(1)), as: name, if: .always) == .stale(newest: version(2)))
    }
  }

  @Test(arguments: Implementation.allCases)
  func conditionsAreChecked(_ implementation: Implementation) async throws {
    try await withCatalog(implementation) { fixture in
      let catalog = fixture.catalog
      let name = try name("file")
      let first = makeObject(version(2))
      #expect(
        try await catalog.put(first, as: name, if: .version(version(1))) == .conditionFailed(current: nil))
      #expect(try await catalog.put(first, as: name, if: .absent) == .committed(replaced: nil))
      let second = makeObject(version(3))
      #expect(try await catalog.put(second, as: name, if: .absent) == .conditionFailed(current: first))
      #expect(
        try await catalog.put(second, as: name, if: .version(version(1))) == .conditionFailed(current: first))
      // Older and not allowed: what the client asked for can't be, with whatever version.
      #expect(
        try await catalog.put(makeObject(version(1)), as: name, if: .absent) == .conditionFailed(current: first))
      #expect(try await catalog.object(name) == first)
      #expect(
        try await catalog.put(second, as: name, if: .version(version(2))) == .committed(replaced: first))
      #expect(try await catalog.object(name) == second)
    }
  }

  @Test(arguments: Implementation.allCases)
  func onlyTheCurrentVersionIsDeleted(_ implementation: Implementation) async throws {
    try await withCatalog(implementation) { fixture in
      let catalog = fixture.catalog
      let name = try name("file")
      #expect(try await catalog.delete(name, version: version(1), tombstone: version(2)) == .absent)
      let object = makeObject(version(3))
      _ = try await catalog.put(object, as: name, if: .always)
      #expect(
        try await catalog.delete(name, version: version(1), tombstone: version(4)) == .changed(current: object))
      #expect(try await catalog.object(name) == object)
      #expect(try await catalog.delete(name, version: version(3), tombstone: version(4)) == .deleted(object))
      #expect(try await catalog.object(name) == nil)
      #expect(try await catalog.object(version: version(3), in: .default) == nil)
      #expect(try await catalog.list(.default, ListQuery(limit: 10)).entries.isEmpty)
      #expect(try await catalog.delete(name, version: version(3), tombstone: version(5)) == .absent)
    }
  }

  @Test(arguments: Implementation.allCases)
  func aDeletedNameTakesOnlyNewerVersions(_ implementation: Implementation) async throws {
    try await withCatalog(implementation) { fixture in
      let catalog = fixture.catalog
      let name = try name("file")
      _ = try await catalog.put(makeObject(version(1)), as: name, if: .always)
      _ = try await catalog.delete(name, version: version(1), tombstone: version(5))
      for number in UInt64(1)...5 {
        let outcome = try await catalog.put(makeObject(version(number)), as: name, if: .absent)
        #expect(outcome == .stale(newest: version(5)))
      }
      #expect(try await catalog.object(name) == nil)
      #expect(try await catalog.put(makeObject(version(6)), as: name, if: .absent) == .committed(replaced: nil))
    }
  }

  /// The answer to the first try was lost, and meanwhile somebody else put the name again.
  @Test(arguments: Implementation.allCases)
  func aRetriedDeletionIsAnsweredAsTheFirstAndTouchesNothingElse(_ implementation: Implementation) async throws {
    try await withCatalog(implementation) { fixture in
      let catalog = fixture.catalog
      let name = try name("file")
      let object = makeObject(version(1), size: 77)
      _ = try await catalog.put(object, as: name, if: .always)
      for _ in 1...2 {
        #expect(try await catalog.delete(name, version: version(1), tombstone: version(2)) == .deleted(object))
      }
      let next = makeObject(version(3))
      _ = try await catalog.put(next, as: name, if: .always)
      #expect(try await catalog.delete(name, version: version(1), tombstone: version(2)) == .deleted(object))
      #expect(try await catalog.object(name) == next)
    }
  }

  @Test(arguments: Implementation.allCases)
  func bucketsAreApart(_ implementation: Implementation) async throws {
    try await withCatalog(implementation) { fixture in
      let catalog = fixture.catalog
      let buckets = [BucketName.default, try BucketName("cluster"), try BucketName("a.b-c")]
      for (index, bucket) in buckets.enumerated() {
        _ = try await catalog.put(makeObject(version(UInt64(index + 1))), as: name("same", in: bucket), if: .absent)
      }
      _ = try await catalog.delete(name("same"), version: version(1), tombstone: version(9))
      #expect(try await catalog.list(.default, ListQuery(limit: 10)).entries.isEmpty)
      for (index, bucket) in buckets.enumerated().dropFirst() {
        let listed = try await catalog.list(bucket, ListQuery(limit: 10)).entries
        #expect(listed.map(\.object.head.blob) == [version(UInt64(index + 1))])
      }
    }
  }

  @Test(arguments: Implementation.allCases)
  func theLongestNamesAndLargeAttributesAreKept(_ implementation: Implementation) async throws {
    try await withCatalog(implementation) { fixture in
      let catalog = fixture.catalog
      let name = try name(String(repeating: "ü", count: 512))
      var object = makeObject(version(1))
      object.attributes.unknown = [UnknownAttribute(tag: 50, value: Array(repeating: 0xA5, count: 60_000))]
      _ = try await catalog.put(object, as: name, if: .always)
      #expect(try await catalog.object(name) == object)
      #expect(try await catalog.list(.default, ListQuery(limit: 1)).entries.first?.object == object)
    }
  }

  @Test(arguments: Implementation.allCases)
  func ofManyThatWantAFreeNameOneGetsIt(_ implementation: Implementation) async throws {
    try await withCatalog(implementation) { fixture in
      let catalog = fixture.catalog
      let name = try name("race")
      let outcomes = try await withThrowingTaskGroup(of: (BlobID, PutOutcome).self) { group in
        for number in UInt64(1)...64 {
          group.addTask {
            (version(number), try await catalog.put(makeObject(version(number)), as: name, if: .absent))
          }
        }
        return try await group.reduce(into: []) { $0.append($1) }
      }
      let winners = outcomes.filter(\.1.isCommitted)
      #expect(winners.count == 1)
      let current = try #require(try await catalog.object(name))
      #expect(winners.first?.0 == current.head.blob)
      for (number, outcome) in outcomes where number != winners.first?.0 {
        #expect(outcome == .conditionFailed(current: current))
      }
    }
  }

  /// Each replaced version is reported once, to the one who replaced it: nothing is lost, nothing is freed twice.
  @Test(arguments: Implementation.allCases)
  func writersOfOneNameFormOneOrder(_ implementation: Implementation) async throws {
    var random = SeededGenerator("writersOfOneNameFormOneOrder")
    let numbers = (UInt64(1)...200).shuffled(using: &random)
    try await withCatalog(implementation) { fixture in
      let catalog = fixture.catalog
      let name = try name("contended")
      let outcomes = try await withThrowingTaskGroup(of: (UInt64, PutOutcome).self) { group in
        for number in numbers {
          group.addTask { (number, try await catalog.put(makeObject(version(number)), as: name, if: .always)) }
        }
        return try await group.reduce(into: []) { $0.append($1) }
      }
      #expect(try await catalog.object(name)?.head.blob == version(200))
      var replaced: [BlobID] = []
      var committed: [BlobID] = []
      for (number, outcome) in outcomes {
        switch outcome {
        case .committed(let before):
          committed.append(version(number))
          if let before {
            #expect(before.head.blob < version(number))
            replaced.append(before.head.blob)
          }
        case .stale(let newest): #expect(newest > version(number))
        case .conditionFailed: Issue.record("no condition was given")
        }
      }
      #expect(replaced.sorted() == committed.sorted().dropLast())
    }
  }

  @Test(arguments: Implementation.allCases)
  func putsAndDeletionsOfOneNameNeverLoseAnObject(_ implementation: Implementation) async throws {
    try await withCatalog(implementation) { fixture in
      let catalog = fixture.catalog
      let name = try name("churn")
      let versions = BlobIDGenerator()
      // Every version that was committed must end as replaced, deleted or current: exactly one of them.
      let fates = try await withThrowingTaskGroup(of: Fates.self) { group in
        for _ in 1...8 {
          group.addTask {
            var fates = Fates()
            for round in 1...40 {
              if round % 3 == 0, let current = try await catalog.object(name) {
                let outcome = try await catalog.delete(name, version: current.head.blob, tombstone: versions.next())
                if case .deleted(let object) = outcome { fates.gone.append(object.head.blob) }
              } else {
                let id = versions.next()
                if case .committed(let replaced) = try await catalog.put(makeObject(id), as: name, if: .always) {
                  fates.committed.append(id)
                  if let replaced { fates.gone.append(replaced.head.blob) }
                }
              }
            }
            return fates
          }
        }
        return try await group.reduce(into: Fates()) { all, some in
          all.committed += some.committed
          all.gone += some.gone
        }
      }
      let current = try await catalog.object(name).map { [$0.head.blob] } ?? []
      #expect((fates.gone + current).sorted() == fates.committed.sorted())
      #expect(try await catalog.list(.default, ListQuery(limit: 10)).entries.map(\.object.head.blob) == current)
    }
  }
}
