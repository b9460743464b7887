import CairnCatalog
import CairnModel
import CairnTestSupport
import Testing

@testable import CairnObjects

/// A catalog whose entry for one name refers to the head record of another object, as after damage to its file.
@Suite struct ForeignHeadTests {
  private static let mine = "mine"
  private static let foreign = "foreign"
  private static let size = 1500

  enum Read: CaseIterable {
    case whole, range, copy, share, partCopy, attributes, manifest, replication
  }

  /// Makes the catalog say that `mine` is what `foreign` is.
  private func confuse(_ fixture: ObjectFixture, count: Int) async throws -> (ObjectName, StoredObject) {
    try await fixture.put(Self.mine, [1])
    let other = try await fixture.put(Self.foreign, ObjectFixture.bytes(count))
    let name = ObjectName(key: try ObjectKey(Self.mine))
    guard case .committed = try await fixture.catalog.put(other.object, as: name, if: .always) else {
      Issue.record("the entry can't be damaged")
      throw TestSetupFailed()
    }
    return (name, try #require(try await fixture.objects.object(name)))
  }

  private struct TestSetupFailed: Error {}

  /// Small objects are in their head records, large ones have a manifest there.
  @Test(arguments: Read.allCases, [size / 2, size])
  func theBytesOfAnotherObjectAreNeverServed(_ read: Read, count: Int) async throws {
    try await ObjectFixture.with { fixture in
      let (name, object) = try await confuse(fixture, count: count)
      let objects = fixture.objects
      let copy = ObjectName(key: try ObjectKey("copy"))
      // These have no manifest to look at.
      if object.attributes.layout == .inline, [.share, .manifest, .replication].contains(read) { return }
      let error = await #expect(throws: ObjectError.self) {
        switch read {
        case .whole: _ = try await objects.content(of: object, named: name)
        case .range: _ = try await objects.content(of: object, named: name, range: 1..<2)
        case .copy: _ = try await objects.copy(object, of: name, to: copy, onConflict: .overwrite)
        case .share: _ = try await objects.share(object, of: name, as: copy, nil, onConflict: .overwrite)
        case .partCopy:
          let upload = try await objects.beginUpload(
            copy.key, in: .default, UploadDescription(contentType: "a/b"))
          _ = try await objects.copyPart(
            1, of: upload.id, in: .default, from: object, named: name, range: 0..<UInt64(count))
        case .attributes: _ = try await objects.rewrite(name, object, with: object.attributes)
        case .manifest: _ = try await objects.manifest(of: object, named: name)
        case .replication: _ = try await objects.replication(of: object, named: name)
        }
      }
      // Whichever error a copy turns it into, it names the damage.
      #expect("\(String(describing: error))".contains("not the head of 'mine'"), "\(String(describing: error))")
      #expect(try await objects.object(copy) == nil)
      #expect(try await fixture.get(Self.foreign) == ObjectFixture.bytes(count))
      // No replica is to blame.
      #expect(fixture.damaged.reported.isEmpty)
    }
  }

  @Test func chunksOfAnotherObjectAreNotGarbageWhenTheDamagedNameGoes() async throws {
    try await ObjectFixture.with { fixture in
      let (name, _) = try await confuse(fixture, count: Self.size)
      let chunks = try await fixture.chunks(Self.foreign)
      #expect(try await fixture.objects.delete(name))
      try await fixture.flushGarbage()
      #expect(try await fixture.isGarbage(chunks) == false)
      #expect(try await fixture.get(Self.foreign) == ObjectFixture.bytes(Self.size))
    }
  }

  @Test func aManifestThatNamesTheHeadOfAnObjectIsCorrupt() async throws {
    try await ObjectFixture.with { fixture in
      let secret = try await fixture.put("secret", [7, 7, 7])
      let manifest = Manifest(chunks: [Manifest.Chunk(location: secret.object.head, length: 3)])
      let error = await #expect(throws: ObjectError.self) {
        _ = try await fixture.objects.content(of: manifest, range: 0..<3)
      }
      guard case .corrupt? = error else {
        Issue.record("\(String(describing: error))")
        return
      }
    }
  }
}
