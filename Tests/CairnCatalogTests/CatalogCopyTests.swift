import CairnCatalog
import CairnModel
import CairnTestSupport
import Testing

/// A catalog moves to another store, whole.
@Suite struct CatalogCopyTests {
  /// Less than what is in any of the catalogs.
  private static let pageLength = 7
  private static let other = "other.bucket-2"

  @Test(arguments: Implementation.allCases, Implementation.allCases)
  func everythingIsThereAfterwards(_ from: Implementation, _ to: Implementation) async throws {
    try await withStores(from, to) { source, target in
      let volumes = try await fill(source)
      let counts = try await copy(source, target)
      #expect(counts.objects == 63)
      #expect(counts.volumes == 20)
      #expect(counts.nodes == 2)
      #expect(counts.deletions == 10)

      let buckets = try await target.buckets()
      #expect(buckets.map(\.text) == ["_cairn", "default", Self.other])
      for bucket in buckets {
        let query = ListQuery(limit: 1000)
        #expect(try await target.list(bucket, query) == source.list(bucket, query))
      }
      let found = try await target.object(version: version(203), in: .default)
      #expect(found?.0.text == "again 3")
      #expect(try await target.volumes(after: nil, limit: 100) == volumes)
      #expect(try await target.openVolumes().count == 15)
      let nodes = try await target.nodes()
      #expect(try await source.nodes().map(\.report) == nodes.map(\.report))
      #expect(nodes.filter(\.isDraining).map(\.report.zone) == ["drained"])
      // Not alive before it says so itself.
      #expect(nodes.allSatisfy { $0.ageMilliseconds >= CatalogLimits.departedAgeMilliseconds })
      let marks = try await target.replayMarks()
      let expected = to == .sqlite ? try await source.replayMarks() : [:]
      #expect(marks == expected)
    }
  }

  @Test(arguments: Implementation.allCases, Implementation.allCases)
  func deletionsAreRemembered(_ from: Implementation, _ to: Implementation) async throws {
    try await withStores(from, to) { source, target in
      _ = try await fill(source)
      _ = try await copy(source, target)
      // What was deleted does not come back by a write that was late.
      let gone = try name("gone 4")
      #expect(try await target.object(gone) == nil)
      #expect(try await target.put(makeObject(version(104)), as: gone, if: .always) == .stale(newest: version(114)))
      #expect(try await target.put(makeObject(version(115)), as: gone, if: .always).isCommitted)
      // A deletion that is asked for again has the same answer, also of a name that was put anew.
      let again = try name("again 3")
      let answer = try await target.delete(again, version: version(103), tombstone: version(113))
      #expect(answer == .deleted(makeObject(version(103))))
      #expect(try await target.object(again)?.head.blob == version(203))
    }
  }

  @Test(arguments: Implementation.allCases)
  func aTargetThatIsNotEmptyIsLeftAlone(_ to: Implementation) async throws {
    try await withStores(.sqlite, to) { source, target in
      _ = try await fill(source)
      let others: [(String, () async throws -> Void)] = [
        ("node", { _ = try await target.heartbeat(report("z"), timeout: .seconds(1), takeOver: true) }),
        ("volume", { try await target.add(Volume(id: VolumeID(rawValue: 1 << 40), nodes: [.make()])) }),
        ("objects", { _ = try await target.put(makeObject(version(1)), as: try name("mine"), if: .always) }),
      ]
      for (what, add) in others {
        try await add()
        let failure = try await failure { try await copy(source, target) }
        guard case .targetNotEmpty(let reason) = failure else {
          Issue.record("\(what): \(String(describing: failure))")
          continue
        }
        #expect(reason.contains(what))
      }
      #expect(try await target.list(.default, ListQuery(limit: 10)).entries.map(\.key.text) == ["mine"])
    }
  }

  @Test(arguments: Implementation.allCases)
  func aCopyThatWasCutOffIsFinished(_ to: Implementation) async throws {
    try await withStores(.sqlite, to) { source, target in
      let volumes = try await fill(source)
      for volume in volumes.prefix(3) { try await target.add(volume) }
      for entry in try await source.list(.default, ListQuery(limit: 5)).entries {
        _ = try await target.put(entry.object, as: ObjectName(key: entry.key), if: .always)
      }
      #expect(try await copy(source, target, isForced: true).objects == 63)
    }
  }

  @Test(arguments: Implementation.allCases)
  func whatIsNotTheSameIsFound(_ to: Implementation) async throws {
    try await withStores(.sqlite, to) { source, target in
      _ = try await fill(source)
      _ = try await copy(source, target)
      // A newer version stays, and is not what the source has.
      let newer = try name("kept 5")
      #expect(try await target.put(makeObject(version(999)), as: newer, if: .always).isCommitted)
      #expect(
        try await failure { try await copy(source, target, isForced: true) }
          == .contents("'kept 5' in bucket default"))
      _ = try await target.put(makeObject(version(998)), as: try name("more"), if: .always)
      #expect(
        try await failure { try await copy(source, target, isForced: true) }
          == .counts("objects", source: 63, target: 64))
      try await target.add(Volume(id: VolumeID(rawValue: 1 << 40), nodes: [.make()]))
      #expect(
        try await failure { try await copy(source, target, isForced: true) }
          == .counts("volumes", source: 20, target: 21))
    }
  }

  @Test func aVolumeThatIsNotTheSameIsFound() async throws {
    try await withStores(.redis, .sqlite) { source, target in
      let volumes = try await fill(source)
      let first = try #require(volumes.first)
      try await target.add(Volume(id: first.id, nodes: [.make()], replicasWanted: 9))
      #expect(
        try await failure { try await copy(source, target, isForced: true) } == .contents("volume \(first.id)"))
    }
  }

  @Test func aWriteMeanwhileIsNoticed() async throws {
    let server = try await RedisServer()
    try await withRedis(server, adjust: { $0.keyPrefix = "watched" }) { source in
      try await withSQLite { target, _ in
        _ = try await fill(source)
        let copy = CatalogCopy(from: source, to: target, pageLength: Self.pageLength)
        let failure = try await failure {
          try await copy.run(copiesMarks: true) { phase, count in
            // As each change of an object does.
            guard phase == .objects, count >= Self.pageLength else { return }
            _ = try? server.command("HINCRBY", "watched:{default}:epoch", "position", "1")
          }
        }
        #expect(failure == .sourceChanged(.default))
      }
    }
  }

  @Test func anEmptyCatalogIsCopied() async throws {
    try await withStores(.sqlite, .redis) { source, target in
      let counts = try await copy(source, target)
      #expect(counts == CatalogCopy.Counts())
    }
  }

  @Test func keysOfOtherPrefixesAndNamesThatLookLikeKeysAreNotTaken() async throws {
    let server = try await RedisServer()
    try await withRedis(server, adjust: { $0.keyPrefix = "a*" }) { catalog in
      try await withRedis(server, adjust: { $0.keyPrefix = "ab" }) { other in
        _ = try await other.put(makeObject(version(1)), as: try name("x", in: try BucketName("not-mine")), if: .always)
        let odd = try name("}:objects")
        _ = try await catalog.put(makeObject(version(1)), as: odd, if: .always)
        _ = try await catalog.delete(odd, version: version(1), tombstone: version(2))
        #expect(try await catalog.buckets().isEmpty)
        let page = try await catalog.deletions(after: nil, limit: 1000)
        #expect(page.entries.map(\.name) == [odd])
        #expect(page.entries.first?.tombstone == version(2))
      }
    }
  }

  // MARK: Stores

  private func withStores(
    _ from: Implementation, _ to: Implementation,
    _ body: (any CatalogCopy.Store, any CatalogCopy.Store) async throws -> Void
  ) async throws {
    func opened(_ kind: Implementation, _ body: (any CatalogCopy.Store) async throws -> Void) async throws {
      switch kind {
      case .sqlite: try await withSQLite { catalog, _ in try await body(catalog) }
      case .redis: try await withRedis(try await RedisServer.shared()) { try await body($0) }
      }
    }
    try await opened(from) { source in try await opened(to) { target in try await body(source, target) } }
  }

  private func copy(
    _ source: any CatalogCopy.Store, _ target: any CatalogCopy.Store, isForced: Bool = false
  ) async throws -> CatalogCopy.Counts {
    try await CatalogCopy(from: source, to: target, pageLength: Self.pageLength).run(
      isForced: isForced, copiesMarks: target is SQLiteCatalog)
  }

  private func failure<Value>(_ body: () async throws -> Value) async throws -> CatalogCopy.Failure? {
    do {
      _ = try await body()
      return nil
    } catch let failure as CatalogCopy.Failure {
      return failure
    }
  }

  private func report(_ zone: String) -> NodeReport {
    NodeReport(
      node: .make(), incarnation: .max, address: "host", port: 1, zone: zone, storagePath: "/data", capacity: 3,
      available: 2, readOnly: false, blobCount: 4, volumeCount: 5)
  }

  /// - Returns: the volumes, in order.
  private func fill(_ catalog: any CatalogCopy.Store) async throws -> [Volume] {
    for number in 0..<40 as Range<UInt64> {
      _ = try await catalog.put(makeObject(version(number)), as: try name("kept \(number)"), if: .always)
    }
    let bucket = try BucketName(Self.other)
    for (number, key) in ["ä/ö", "../x", "kept 1", "\u{10FFFF}", " "].enumerated() {
      _ = try await catalog.put(makeObject(version(UInt64(number))), as: try name(key, in: bucket), if: .always)
    }
    let own = try name("bucket/photos", in: .system)
    _ = try await catalog.put(makeObject(version(60)), as: own, if: .always)
    _ = try await catalog.put(makeObject(version(70), size: 5), as: try name("kept 7"), if: .always)
    for number in 0..<12 as Range<UInt64> {
      _ = try await catalog.put(makeObject(version(300 + number)), as: try name("more \(number)"), if: .always)
    }
    for word in ["again", "gone"] {
      for number in 0..<5 as Range<UInt64> {
        let name = try name("\(word) \(number)")
        _ = try await catalog.put(makeObject(version(100 + number)), as: name, if: .always)
        _ = try await catalog.delete(name, version: version(100 + number), tombstone: version(110 + number))
        guard word == "again" else { continue }
        _ = try await catalog.put(makeObject(version(200 + number)), as: name, if: .always)
      }
    }
    let nodes = [report("attic"), report("drained")]
    for node in nodes { _ = try await catalog.heartbeat(node, timeout: .seconds(90), takeOver: false) }
    try await catalog.setDraining(nodes[1].node, true)
    var volumes: [Volume] = []
    for number in 0..<20 as Range<UInt64> {
      let volume = Volume(
        id: VolumeID(rawValue: number << 7), nodes: nodes.map(\.node), replicasWanted: 3,
        state: number % 4 == 0 ? .sealed : .open)
      volumes.append(volume)
      try await catalog.add(volume)
    }
    if catalog is SQLiteCatalog {
      try await catalog.setReplayMarks([VolumeID(rawValue: 0): 12, VolumeID(rawValue: 128): 7])
    }
    return volumes
  }
}
