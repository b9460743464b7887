import CairnCatalog
import CairnModel
import CairnNodeClient
import CairnTestSupport
import NIOCore
import Testing

@testable import CairnObjects

/// Copies that have the chunks of their source.
@Suite struct SharedChunksTests {
  private static let bytes = ObjectFixture.bytes(3500)

  private func share(_ fixture: ObjectFixture, _ source: String, _ target: String) async throws -> PutResult? {
    let name = ObjectName(key: try ObjectKey(source))
    let object = try #require(try await fixture.objects.object(name))
    return try await fixture.objects.share(
      object, of: name, as: ObjectName(key: ObjectKey(target)), nil, onConflict: .overwrite)
  }

  private func delete(_ fixture: ObjectFixture, _ key: String) async throws {
    #expect(try await fixture.objects.delete(ObjectName(key: ObjectKey(key))))
    try await fixture.flushGarbage()
  }

  @Test(arguments: [["a", "z"], ["z", "a"]])
  func eitherObjectMayGoWithoutHarmToTheOther(_ order: [String]) async throws {
    try await ObjectFixture.with(nodes: 2, replicas: 2) { fixture in
      try await fixture.put("a", Self.bytes)
      let appends = fixture.nodes[0].appends
      let chunks = try await fixture.chunks("a")
      let createdAt = try await fixture.objects.object(ObjectName(key: ObjectKey("a")))?.attributes.createdAt
      #expect(try await share(fixture, "a", "z") != nil)
      // The source's new head and the copy's.
      #expect(fixture.nodes[0].appends == appends + 2)
      #expect(try await fixture.chunks("z") == chunks)
      #expect(try await fixture.objects.object(ObjectName(key: ObjectKey("a")))?.attributes.createdAt == createdAt)
      try await fixture.flushGarbage()
      try await delete(fixture, order[0])
      #expect(try await fixture.orphans().isEmpty)
      #expect(try await fixture.isGarbage(chunks) == false)
      #expect(try await fixture.get(order[1]) == Self.bytes)
      // Of the last one the chunks are left to the sweep, which waits until no copy can be under way.
      try await delete(fixture, order[1])
      #expect(try await fixture.isGarbage(chunks) == false)
      #expect(try await fixture.orphans().isEmpty)
      try await fixture.forgetUploads()
      #expect(try await fixture.orphans() == Set(chunks.map(\.location)))
    }
  }

  @Test func alsoWhenTheCatalogWasRebuiltFromTheDisks() async throws {
    for (gone, left) in [("a", "z"), ("z", "a")] {
      try await ObjectFixture.with { fixture in
        try await fixture.put("a", Self.bytes)
        _ = try await share(fixture, "a", "z")
        let rebuilt = try await ObjectFixture.openCatalog(fixture.folder.path + "/rebuilt.sqlite")
        let replay = CatalogReplay(
          log: LocalNode(fixture.nodes[0].store), catalog: rebuilt, node: fixture.nodes[0].id, ids: fixture.ids,
          logger: ObjectFixture.logger)
        try await replay.run()
        for key in [gone, left] {
          let name = ObjectName(key: try ObjectKey(key))
          let object = try #require(try await rebuilt.object(name))
          #expect(object.attributes.sharesChunks)
          #expect(object == (try await fixture.catalog.object(name)))
        }
        await rebuilt.close()
        try await fixture.forgetUploads()
        try await delete(fixture, gone)
        #expect(try await fixture.orphans().isEmpty)
        #expect(try await fixture.get(left) == Self.bytes)
      }
    }
  }

  @Test func overwritingOneLeavesTheOther() async throws {
    try await ObjectFixture.with { fixture in
      try await fixture.put("a", Self.bytes)
      _ = try await share(fixture, "a", "b")
      _ = try await share(fixture, "b", "c")
      try await fixture.put("a", [1])
      try await fixture.put("b", [2])
      try await fixture.flushGarbage()
      try await fixture.forgetUploads()
      #expect(try await fixture.orphans().isEmpty)
      #expect(try await fixture.get("c") == Self.bytes)
    }
  }

  @Test func anObjectMayBeCopiedOntoItself() async throws {
    try await ObjectFixture.with { fixture in
      try await fixture.put("a", Self.bytes)
      _ = try await share(fixture, "a", "a")
      try await fixture.flushGarbage()
      try await fixture.forgetUploads()
      #expect(try await fixture.orphans().isEmpty)
      #expect(try await fixture.get("a") == Self.bytes)
    }
  }

  @Test func whatWasReplacedMeanwhileIsNotShared() async throws {
    try await ObjectFixture.with { fixture in
      try await fixture.put("a", Self.bytes)
      let name = ObjectName(key: try ObjectKey("a"))
      let seen = try #require(try await fixture.objects.object(name))
      try await fixture.put("a", ObjectFixture.bytes(2500, seed: 9))
      let result = try await fixture.objects.share(
        seen, of: name, as: ObjectName(key: ObjectKey("b")), nil, onConflict: .overwrite)
      #expect(result == nil)
      #expect(try await fixture.get("b") == nil)
      #expect(try await fixture.get("a") == ObjectFixture.bytes(2500, seed: 9))
    }
  }

  /// A name is copied and the source deleted while a sweep reads the names: it sees neither.
  @Test func aSweepThatSeesNeitherNameLeavesTheChunks() async throws {
    try await ObjectFixture.with { fixture in
      try await fixture.put("z", Self.bytes)
      let chunks = try await fixture.chunks("z")
      _ = try await share(fixture, "z", "a")
      // As the sweep finds it that has read up to "m" before the copy was there, and goes on after the deletion.
      try await delete(fixture, "z")
      try await delete(fixture, "a")
      #expect(try await fixture.orphans().isDisjoint(with: chunks.map(\.location)))
    }
  }
}

extension ObjectFixture {
  func chunks(_ key: String) async throws -> [Manifest.Chunk] {
    let name = ObjectName(key: try ObjectKey(key))
    let object = try #require(try await objects.object(name))
    return try await objects.manifest(of: object, named: name).chunks
  }

  /// Whether no node lists them any more; all or none of them.
  func isGarbage(_ chunks: [Manifest.Chunk]) async throws -> Bool {
    var listed = 0
    for chunk in chunks {
      for node in nodes where try await node.blobs(in: chunk.location.volume).map(\.blob).contains(chunk.location.blob)
      {
        listed += 1
        break
      }
    }
    #expect(listed == 0 || listed == chunks.count)
    return listed == 0
  }

  /// As if their time were over.
  func forgetUploads() async throws {
    for upload in try await catalog.uploads(.all, limit: 1000) { try await catalog.forget(upload.id) }
  }
}
