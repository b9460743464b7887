import CairnCatalog
import CairnCluster
import CairnModel
import CairnTestSupport
import NIOCore
import Testing

@testable import CairnObjects

@Suite struct OrphanSweepTests {
  /// Chunks of an upload that was never committed, and a head that the catalog never heard of.
  @Test func whatWasNeverCommittedIsFoundAndNothingElse() async throws {
    try await ObjectFixture.with(nodes: 3, replicas: 2) { fixture in
      for index in 0..<5 { _ = try await fixture.put("file \(index)", Array(RandomBytes.slice(count: 900 * index))) }
      let staged = try await fixture.objects.stage(
        ObjectFixture.source(Array(RandomBytes.slice(count: 3500))), replicas: 2)
      let attributes = try #require(try await fixture.objects.object(ObjectName(key: ObjectKey("file 1")))).attributes
      let lost = try EncodedRecord(
        Record(
          kind: .head, blob: fixture.ids.next(), timestamp: .now(),
          metadata: HeadRecord(name: ObjectName(key: ObjectKey("never committed")), attributes: attributes).metadata(),
          payload: ByteBuffer(bytes: RandomBytes.slice(count: 900))))
      let written = try await fixture.objects.writer.append(lost)
      try await Task.sleep(for: .milliseconds(5))
      #expect(try await fixture.sweep(age: .seconds(3600)).find().isEmpty)
      let orphans = try await fixture.sweep(age: .zero).find()
      let head = BlobLocation(volume: written.volume.id, blob: lost.header.blob)
      #expect(Set(orphans.map(\.location)) == Set(staged.chunks.map(\.location) + [head]))
      #expect(orphans.first { $0.kind == .head }?.name?.key.text == "never committed")
    }
  }

  @Test(arguments: ["photos", "_cairn"])
  func objectsOfEveryBucketStay(_ bucket: String) async throws {
    try await ObjectFixture.with(nodes: 3, replicas: 2) { fixture in
      let bucket = try BucketName(stored: bucket)
      for index in 0..<5 {
        let name = ObjectName(bucket: bucket, key: try ObjectKey("file \(index)"))
        _ = try await fixture.objects.put(
          name, ObjectFixture.source(Array(RandomBytes.slice(count: 900 * index))),
          UploadDescription(contentType: "a/b"), onConflict: .overwrite)
      }
      try await Task.sleep(for: .milliseconds(5))
      #expect(try await fixture.sweep(age: .zero).find().isEmpty)
    }
  }

  /// The new version has the chunks of the old one.
  @Test func chunksOfAnObjectWithOtherAttributesStay() async throws {
    try await ObjectFixture.with(nodes: 3, replicas: 2) { fixture in
      let bytes = Array(RandomBytes.slice(count: 3500))
      _ = try await fixture.put("file", bytes)
      let name = ObjectName(key: try ObjectKey("file"))
      let old = try #require(try await fixture.objects.object(name))
      var attributes = old.attributes
      attributes.metadata.tags = [.init("colour", "blue")]
      let result = try await fixture.objects.rewrite(name, old, with: attributes)
      #expect(result.object.attributes == attributes)
      try await fixture.flushGarbage()
      try await Task.sleep(for: .milliseconds(5))
      #expect(try await fixture.sweep(age: .zero).find().map(\.location).allSatisfy { $0 == old.head })
      #expect(try await fixture.get("file") == bytes)
      await #expect(throws: ObjectError.self) { try await fixture.objects.rewrite(name, old, with: old.attributes) }
    }
  }

  @Test func aCatalogThatLostEverythingIsNotBelieved() async throws {
    try await ObjectFixture.with { fixture in
      for index in 0..<1100 { _ = try await fixture.put("file \(index)", [1]) }
      for index in 0..<1100 {
        let name = ObjectName(key: try ObjectKey("file \(index)"))
        let object = try #require(try await fixture.catalog.object(name))
        _ = try await fixture.catalog.delete(name, version: object.head.blob, tombstone: fixture.ids.next())
      }
      try await Task.sleep(for: .milliseconds(5))
      let error = await #expect(throws: ObjectError.self) { try await fixture.sweep(age: .zero).find() }
      #expect("\(String(describing: error))".contains("run cairn recover"))
    }
  }

  @Test func anUploadThatTookTooLongIsRefused() async throws {
    try await ObjectFixture.with(uploadTimeMax: .milliseconds(50)) { fixture in
      let staged = try await fixture.objects.stage(ObjectFixture.source(Array(RandomBytes.slice(count: 3500))))
      try await Task.sleep(for: .milliseconds(100))
      let error = await #expect(throws: ObjectError.self) {
        try await fixture.objects.commit(
          staged, as: ObjectName(key: ObjectKey("late")), UploadDescription(contentType: "a/b"), onConflict: .overwrite)
      }
      #expect("\(String(describing: error))".contains("ORPHAN_AGE"))
    }
  }
}
