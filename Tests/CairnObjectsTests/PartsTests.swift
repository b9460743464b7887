import CairnCatalog
import CairnModel
import CairnTestSupport
import NIOCore
import Testing

@testable import CairnObjects

/// Uploads in parts that become an object without a look at their bytes.
@Suite struct PartsTests {
  private static let description = UploadDescription(contentType: "a/b")

  private func begin(
    _ fixture: ObjectFixture, _ key: String = "big", checksum: UploadChecksum? = nil
  ) async throws -> PendingUpload {
    try await fixture.objects.beginUpload(ObjectKey(key), in: .default, Self.description, checksum: checksum)
  }

  @discardableResult
  private func put(_ fixture: ObjectFixture, _ number: Int, _ bytes: [UInt8], of id: BlobID) async throws -> UploadPart
  {
    try await fixture.objects.putPart(number, of: id, in: .default, ObjectFixture.source(bytes))
  }

  private func complete(
    _ fixture: ObjectFixture, _ id: BlobID, _ numbers: [Int]? = nil, onConflict rule: ConflictRule = .overwrite
  ) async throws -> PutResult? {
    let upload = try await fixture.objects.upload(id, in: .default)
    let parts = upload.parts.filter { numbers?.contains($0.number) ?? true }
    return try await fixture.objects.completeUpload(upload, of: parts, checksum: nil, onConflict: rule)
  }

  @Test func partsBecomeAnObjectAndNoByteIsReadForIt() async throws {
    try await ObjectFixture.with(nodes: 2, replicas: 2) { fixture in
      let upload = try await begin(fixture, checksum: UploadChecksum(algorithm: .crc32, kind: .composite))
      let (first, second) = (ObjectFixture.bytes(2500, seed: 1), ObjectFixture.bytes(700, seed: 2))
      let later = try await put(fixture, 7, second, of: upload.id)
      let earlier = try await put(fixture, 2, first, of: upload.id)
      #expect(earlier.checksum?.value == ChecksumHasher.checksum(.crc32, of: first))
      let appends = fixture.nodes[0].appends
      // What is damaged can't be read, and still be completed.
      fixture.nodes.forEach { $0.fault = .corrupt }
      let result = try #require(try await complete(fixture, upload.id))
      fixture.nodes.forEach { $0.fault = .none }
      #expect(fixture.nodes[0].appends == appends + 1)
      #expect(try await fixture.get("big") == first + second)
      #expect(try await fixture.get("big", 2400..<2600) == Array((first + second)[2400..<2600]))
      let attributes = result.object.attributes
      #expect(attributes.md5 == nil && attributes.sha256 == nil)
      let digest = ChecksumHasher.md5(of: earlier.md5.bytes + later.md5.bytes)
      #expect(attributes.etag == "\"\(digest.hexadecimal)-2\"")
      let manifest = try await fixture.objects.manifest(of: result.object, named: result.name)
      #expect(manifest.parts.map(\.size) == [2500, 700])
      #expect(manifest.parts.map(\.checksum) == [earlier.checksum?.value, later.checksum?.value])
      #expect(try await fixture.objects.completedUpload(upload.id, upload.name)?.object == result.object)
      await #expect(throws: ObjectError.self) { try await fixture.objects.upload(upload.id, in: .default) }
    }
  }

  @Test func partsThatAreNotNamedAreGarbage() async throws {
    try await ObjectFixture.with { fixture in
      let upload = try await begin(fixture)
      let left = try await put(fixture, 1, ObjectFixture.bytes(2500), of: upload.id)
      try await put(fixture, 2, ObjectFixture.bytes(1500, seed: 2), of: upload.id)
      _ = try await complete(fixture, upload.id, [2])
      try await fixture.flushGarbage()
      #expect(try await fixture.get("big") == ObjectFixture.bytes(1500, seed: 2))
      #expect(try await fixture.isGarbage(left.chunks))
    }
  }

  @Test func aPartThatWasReplacedMeanwhileLeavesTheUploadAsItIs() async throws {
    try await ObjectFixture.with { fixture in
      let upload = try await begin(fixture)
      try await put(fixture, 1, ObjectFixture.bytes(100), of: upload.id)
      let seen = try await fixture.objects.upload(upload.id, in: .default)
      try await put(fixture, 1, ObjectFixture.bytes(200), of: upload.id)
      let result = try await fixture.objects.completeUpload(
        seen, of: seen.parts, checksum: nil, onConflict: .overwrite)
      #expect(result == nil)
      #expect(try await complete(fixture, upload.id) != nil)
      #expect(try await fixture.get("big") == ObjectFixture.bytes(200))
    }
  }

  @Test func aRefusedCompletionCanBeRepeated() async throws {
    try await ObjectFixture.with { fixture in
      try await fixture.put("big", [1])
      let upload = try await begin(fixture)
      try await put(fixture, 1, ObjectFixture.bytes(1500), of: upload.id)
      await #expect(throws: ObjectError.self) { try await complete(fixture, upload.id, onConflict: .reject) }
      #expect(try await fixture.get("big") == [1])
      _ = try await complete(fixture, upload.id)
      try await fixture.flushGarbage()
      #expect(try await fixture.get("big") == ObjectFixture.bytes(1500))
    }
  }

  @Test func aCatalogThatKnowsACompletedUploadAgainMakesNoSecondObject() async throws {
    try await ObjectFixture.with { fixture in
      let begun = try await begin(fixture)
      try await put(fixture, 1, ObjectFixture.bytes(1500), of: begun.id)
      let upload = try await fixture.objects.upload(begun.id, in: .default)
      let first = try #require(try await complete(fixture, upload.id))
      try await fixture.catalog.add(upload, lifetime: .seconds(60))
      let again = try #require(try await complete(fixture, upload.id))
      #expect(again.object == first.object)
      try await fixture.flushGarbage()
      #expect(try await fixture.get("big") == ObjectFixture.bytes(1500))
    }
  }

  @Test func chunksOfAnUploadThatMayStillBecomeAnObjectAreNoOrphans() async throws {
    try await ObjectFixture.with { fixture in
      try await fixture.put("other", ObjectFixture.bytes(2500))
      let upload = try await begin(fixture)
      try await put(fixture, 1, ObjectFixture.bytes(2500), of: upload.id)
      #expect(try await fixture.orphans().isEmpty)
      // Between its claim and its commit it is in no list.
      _ = try await fixture.catalog.claim(upload.id, lifetime: .seconds(60))
      #expect(try await fixture.orphans().isEmpty)
      try await fixture.catalog.release(upload.id)
      _ = try await complete(fixture, upload.id)
      #expect(try await fixture.orphans().isEmpty)
      #expect(try await fixture.get("big") == ObjectFixture.bytes(2500))
    }
  }

  @Test func chunksOfAnUploadThatEndedAreOrphans() async throws {
    try await ObjectFixture.with(multipartExpiry: .seconds(3600)) { fixture in
      try await fixture.put("other", ObjectFixture.bytes(2500))
      let upload = try await begin(fixture)
      let part = try await put(fixture, 1, ObjectFixture.bytes(2500), of: upload.id)
      fixture.secondsSkipped.add(3601)
      try await eventually("the upload ends") { try await fixture.catalog.upload(upload.id) == nil }
      #expect(try await fixture.orphans() == Set(part.chunks.map(\.location)))
      #expect(try await fixture.get("other") == ObjectFixture.bytes(2500))
    }
  }

  @Test func aPartThatTookTooLongIsRefused() async throws {
    try await ObjectFixture.with(uploadTimeMax: .milliseconds(20)) { fixture in
      let upload = try await begin(fixture)
      let slow = BodySource(length: nil, next: Self.slowly(ObjectFixture.source(ObjectFixture.bytes(2500))))
      await #expect(throws: ObjectError.self) {
        try await fixture.objects.putPart(1, of: upload.id, in: .default, slow)
      }
      #expect(try await fixture.objects.upload(upload.id, in: .default).parts.isEmpty)
    }
  }

  private static func slowly(_ source: BodySource) -> @Sendable () async throws -> ByteBuffer? {
    {
      try await Task.sleep(for: .milliseconds(10))
      return try await source.next()
    }
  }

  @Test func anUploadThatIsGivenUpIsGarbage() async throws {
    try await ObjectFixture.with { fixture in
      let upload = try await begin(fixture)
      let part = try await put(fixture, 1, ObjectFixture.bytes(2500), of: upload.id)
      try await fixture.objects.abandonUpload(upload.id, in: .default)
      await #expect(throws: ObjectError.self) { try await fixture.objects.abandonUpload(upload.id, in: .default) }
      try await fixture.flushGarbage()
      #expect(try await fixture.isGarbage(part.chunks))
      await #expect(throws: ObjectError.self) { try await put(fixture, 2, [1], of: upload.id) }
    }
  }

  /// What callers can do to an upload by its id.
  enum UploadCall: CaseIterable {
    case show, putPart, copyPart, abandon, complete

    func make(_ fixture: ObjectFixture, _ id: BlobID, in bucket: BucketIdentity) async throws(ObjectError) {
      let objects = fixture.objects
      switch self {
      case .show: _ = try await objects.upload(id, in: bucket)
      case .putPart: _ = try await objects.putPart(1, of: id, in: bucket, ObjectFixture.source([6, 6, 6]))
      case .copyPart:
        guard let key = try? ObjectKey("source"), let source = try await objects.object(ObjectName(key: key)) else {
          Issue.record("there is no source")
          return
        }
        _ = try await objects.copyPart(
          1, of: id, in: bucket, from: source, named: ObjectName(key: key), range: 0..<1)
      case .abandon: try await objects.abandonUpload(id, in: bucket)
      case .complete: _ = try await objects.completeUpload(id, in: bucket, sha256: nil, onConflict: .overwrite)
      }
    }
  }

  @Test(arguments: UploadCall.allCases)
  func anUploadIsUnknownInEveryBucketButItsOwn(_ call: UploadCall) async throws {
    try await ObjectFixture.with { fixture in
      try await fixture.put("source", [1])
      let name = try BucketName("photos")
      let own = BucketIdentity(name, createdAt: Timestamp(nanosecondsSinceEpoch: 5))
      let upload = try await fixture.objects.beginUpload(ObjectKey("a"), in: own, Self.description)
      let part = try await fixture.objects.putPart(1, of: upload.id, in: own, ObjectFixture.source([1, 2, 3]))
      let others = [
        BucketIdentity.default, BucketIdentity(try BucketName("other"), createdAt: own.createdAt),
        BucketIdentity(name, createdAt: Timestamp(nanosecondsSinceEpoch: 6)),
      ]
      for other in others {
        let error = await #expect(throws: ObjectError.self) { try await call.make(fixture, upload.id, in: other) }
        guard case .noSuchUpload? = error else {
          Issue.record("\(call) in \(other): \(String(describing: error))")
          continue
        }
      }
      #expect(try await fixture.objects.upload(upload.id, in: own).parts == [part])
      #expect(try await fixture.objects.object(upload.name) == nil)
      try await call.make(fixture, upload.id, in: own)
    }
  }

  @Test func aDeletedBucketsUploadsEndHoweverManyTheyAre() async throws {
    try await ObjectFixture.with { fixture in
      let name = try BucketName("photos")
      let deleted = BucketIdentity(name, createdAt: Timestamp(nanosecondsSinceEpoch: 5))
      let recreated = BucketIdentity(name, createdAt: Timestamp(nanosecondsSinceEpoch: 6))
      let first = try await fixture.objects.beginUpload(ObjectKey("a"), in: deleted, Self.description)
      let bytes = ObjectFixture.bytes(1500)
      let part = try await fixture.objects.putPart(1, of: first.id, in: deleted, ObjectFixture.source(bytes))
      // More than a page of them.
      for index in 0..<CatalogLimits.pageLengthMax {
        _ = try await fixture.objects.beginUpload(ObjectKey("b\(index)"), in: deleted, Self.description)
      }
      let kept = try await fixture.objects.beginUpload(ObjectKey("a"), in: recreated, Self.description)
      await fixture.objects.endUploads(in: deleted)
      #expect(try await fixture.catalog.uploads(.all, limit: 10) == [kept])
      try await fixture.flushGarbage()
      #expect(try await fixture.isGarbage(part.chunks))
    }
  }

  @Test func aBodyWithAnotherChecksumThanToldIsNotKept() async throws {
    try await ObjectFixture.with { fixture in
      for algorithm in ChecksumAlgorithm.allCases {
        for count in [10, 2500] {
          let bytes = ObjectFixture.bytes(count)
          var body = ObjectFixture.source(bytes)
          body.checksum = BodyChecksum(algorithm) { ChecksumHasher.checksum(algorithm, of: bytes + [1]) }
          let name = ObjectName(key: try ObjectKey("\(algorithm) \(count)"))
          await #expect(throws: ObjectError.self) {
            try await fixture.objects.put(name, body, Self.description, onConflict: .overwrite)
          }
          #expect(try await fixture.objects.object(name) == nil)
          body = ObjectFixture.source(bytes)
          body.checksum = BodyChecksum(algorithm) { ChecksumHasher.checksum(algorithm, of: bytes) }
          let result = try await fixture.objects.put(name, body, Self.description, onConflict: .overwrite)
          #expect(result.object.attributes.checksum?.value == ChecksumHasher.checksum(algorithm, of: bytes))
          #expect(try await fixture.objects.object(name) == result.object)
        }
      }
    }
  }
}
