import CairnCatalog
import CairnModel
import CairnTestSupport
import Testing

/// What both catalogs promise of uploads in parts.
@Suite struct UploadContractTests {
  private func upload(
    _ key: String = "a/b ☃", in bucket: BucketIdentity = .default, id: BlobID? = nil, replicas: Int? = 2
  ) throws -> PendingUpload {
    let id = id ?? BlobID(high: .random(in: 1 ... .max), low: .random(in: 1 ... .max))
    var upload = PendingUpload(
      id: id,
      name: ObjectName(bucket: bucket.name, key: try ObjectKey(key)), attributes: .ofUpload("text/x-odd", id),
      replicas: replicas)
    upload.bucketCreatedAt = bucket.createdAt
    return upload
  }

  private func part(_ number: Int, chunks: Int = 2, isDegraded: Bool = false) -> UploadPart {
    UploadPart(
      number: number, size: UInt64(chunks) * 7, md5: Digest((0..<16).map { _ in .random(in: 0...255) }),
      sha256: Digest((0..<32).map { _ in .random(in: 0...255) }),
      chunks: (0..<chunks).map { _ in
        Manifest.Chunk(
          location: BlobLocation(
            volume: .make(), blob: BlobID(high: .random(in: 1 ... .max), low: .random(in: 1 ... .max))), length: 7)
      }, isDegraded: isDegraded)
  }

  @Test(arguments: Implementation.allCases)
  func partsAreKeptInOrderOfTheirNumbers(_ implementation: Implementation) async throws {
    try await withCatalog(implementation) { fixture in
      let catalog = fixture.catalog
      var upload = try upload()
      try await catalog.add(upload, lifetime: .seconds(60))
      #expect(try await catalog.upload(upload.id) == upload)
      let parts = [part(10), part(2, isDegraded: true), part(10_000, chunks: 1)]
      for part in parts { #expect(try await catalog.put(part, of: upload.id)) }
      upload.parts = [parts[1], parts[0], parts[2]]
      #expect(try await catalog.upload(upload.id) == upload)
    }
  }

  @Test(arguments: Implementation.allCases)
  func aPartOfTheSameNumberIsReplaced(_ implementation: Implementation) async throws {
    try await withCatalog(implementation) { fixture in
      let catalog = fixture.catalog
      let upload = try upload(replicas: nil)
      try await catalog.add(upload, lifetime: .seconds(60))
      let (first, second) = (part(1), part(1))
      #expect(try await catalog.put(first, of: upload.id))
      #expect(try await catalog.put(second, of: upload.id))
      #expect(try await catalog.upload(upload.id)?.parts == [second])
    }
  }

  @Test(arguments: Implementation.allCases)
  func ofManyThatClaimAnUploadOneGetsIt(_ implementation: Implementation) async throws {
    try await withCatalog(implementation) { fixture in
      let catalog = fixture.catalog
      var upload = try upload()
      try await catalog.add(upload, lifetime: .seconds(60))
      upload.parts = [part(1)]
      #expect(try await catalog.put(upload.parts[0], of: upload.id))
      let id = upload.id
      let claimed = try await withThrowingTaskGroup(of: PendingUpload?.self) { group in
        for _ in 0..<10 { group.addTask { try await catalog.claim(id, lifetime: .seconds(60)) } }
        var claimed: [PendingUpload] = []
        for try await upload in group { if let upload { claimed.append(upload) } }
        return claimed
      }
      upload.isClaimed = true
      #expect(claimed == [upload])
      #expect(try await catalog.put(part(2), of: id) == false)
      #expect(try await catalog.upload(id) == upload)
      #expect(try await catalog.uploads(UploadRange(.default), limit: 10).isEmpty)
      #expect(try await catalog.uploads(.all, limit: 10).map(\.id) == [id])
      try await catalog.release(id)
      upload.isClaimed = false
      #expect(try await catalog.upload(id) == upload)
      #expect(try await catalog.uploads(UploadRange(.default), limit: 10).map(\.id) == [id])
      #expect(try await catalog.claim(id, lifetime: .zero) != nil)
      try await catalog.forget(id)
      #expect(try await catalog.upload(id) == nil)
      #expect(try await catalog.uploads(.all, limit: 10).isEmpty)
    }
  }

  @Test(arguments: Implementation.allCases)
  func anUploadThatIsNotThereIsAbsent(_ implementation: Implementation) async throws {
    try await withCatalog(implementation) { fixture in
      let id = try upload().id
      #expect(try await fixture.catalog.upload(id) == nil)
      #expect(try await fixture.catalog.claim(id, lifetime: .zero) == nil)
      #expect(try await fixture.catalog.put(part(1), of: id) == false)
    }
  }

  @Test(arguments: Implementation.allCases)
  func anUploadIsForgottenAfterItsLife(_ implementation: Implementation) async throws {
    try await withCatalog(implementation) { fixture in
      let catalog = fixture.catalog
      let (short, long) = (try upload(), try upload())
      try await catalog.add(short, lifetime: .milliseconds(50))
      try await catalog.add(long, lifetime: .seconds(3600))
      #expect(try await catalog.put(part(1), of: long.id))
      // SQLite's clock stands still; Redis has its own.
      fixture.clock.advance(by: .seconds(1))
      try await eventually("it is forgotten") { try await catalog.upload(short.id) == nil }
      #expect(try await catalog.put(part(1), of: short.id) == false)
      #expect(try await catalog.claim(short.id, lifetime: .seconds(60)) == nil)
      try await catalog.add(try upload(), lifetime: .seconds(1))
      #expect(try await catalog.upload(long.id)?.parts.count == 1)
    }
  }

  @Test(arguments: Implementation.allCases)
  func everythingThatWasSaidOfAnUploadIsKept(_ implementation: Implementation) async throws {
    try await withCatalog(implementation) { fixture in
      var upload = try upload()
      upload.attributes.metadata.user = [.init("colour", "blue ☃")]
      upload.attributes.metadata.storageClass = "STANDARD_IA"
      upload.checksum = UploadChecksum(algorithm: .crc64nvme, kind: .fullObject)
      var first = part(1)
      first.checksum = ObjectChecksum(algorithm: .crc64nvme, value: Digest([1, 2, 3, 4, 5, 6, 7, 8]))
      try await fixture.catalog.add(upload, lifetime: .seconds(60))
      #expect(try await fixture.catalog.put(first, of: upload.id))
      upload.parts = [first]
      #expect(try await fixture.catalog.upload(upload.id) == upload)
    }
  }

  @Test(arguments: Implementation.allCases)
  func aClaimedUploadLivesOnForAsLongAsItsClaimSays(_ implementation: Implementation) async throws {
    try await withCatalog(implementation) { fixture in
      let catalog = fixture.catalog
      let upload = try upload()
      try await catalog.add(upload, lifetime: .seconds(8))
      #expect(try await catalog.claim(upload.id, lifetime: .seconds(3600)) != nil)
      let other = try self.upload("other")
      try await catalog.add(other, lifetime: .seconds(8))
      fixture.clock.advance(by: .seconds(9))
      try await eventually("the other is forgotten") { try await catalog.upload(other.id) == nil }
      #expect(try await catalog.uploads(.all, limit: 10).map(\.id) == [upload.id])
    }
  }

  /// In the creation times all bytes occur, so that none of them could pass for an end of the bucket's name.
  @Test(arguments: Implementation.allCases)
  func aBucketsUploadsAreNotThoseOfAnotherOneThatHadItsName(_ implementation: Implementation) async throws {
    try await withCatalog(implementation) { fixture in
      let catalog = fixture.catalog
      let name = try BucketName("abc")
      let buckets = [0, 1, 255, 256, 0x0041_00FF_0000_0042, .max].map {
        BucketIdentity(name, createdAt: Timestamp(nanosecondsSinceEpoch: $0))
      }
      var uploads: [PendingUpload] = []
      for bucket in buckets { for key in ["a", "b/c"] { uploads.append(try upload(key, in: bucket)) } }
      for upload in uploads.shuffled() { try await catalog.add(upload, lifetime: .seconds(60)) }
      for (index, bucket) in buckets.enumerated() {
        let own = Array(uploads[(2 * index)..<(2 * index + 2)])
        #expect(own.map(\.bucket) == [bucket, bucket])
        #expect(try await catalog.uploads(UploadRange(bucket), limit: 100) == own)
        #expect(try await catalog.uploads(UploadRange(bucket, prefix: "b"), limit: 100) == [own[1]])
        #expect(try await catalog.uploads(UploadRange(bucket).after(own[0]), limit: 100) == [own[1]])
        #expect(try await catalog.uploads(UploadRange(bucket).after("b", nil, in: bucket), limit: 100) == [own[1]])
        #expect(try await catalog.uploads(UploadRange(bucket).after(keysWith: "a", in: bucket), limit: 9) == [own[1]])
        #expect(try await catalog.upload(own[0].id)?.bucket == bucket)
      }
      #expect(try await catalog.uploads(.all, limit: 100) == uploads)
    }
  }

  /// In order of their bytes: `a` before `a` and a control character, and that before `a/b`.
  @Test(arguments: Implementation.allCases)
  func uploadsAreListedInOrderOfBucketKeyAndAge(_ implementation: Implementation) async throws {
    try await withCatalog(implementation) { fixture in
      let catalog = fixture.catalog
      let bucket = BucketIdentity(try BucketName("abc"), createdAt: Timestamp(nanosecondsSinceEpoch: 1 << 60))
      var expected: [PendingUpload] = []
      for key in ["a", "a\u{1}", "a/b", "a/c", "b", "ä"] {
        for age in 1...3 {
          let id = BlobID(high: UInt64(age), low: .random(in: 1 ... .max))
          expected.append(try upload(key, in: bucket, id: id))
        }
      }
      for upload in expected.shuffled() { try await catalog.add(upload, lifetime: .seconds(60)) }
      let elsewhere = try upload("a", in: .default)
      try await catalog.add(elsewhere, lifetime: .seconds(60))
      #expect(try await catalog.uploads(UploadRange(bucket), limit: 100) == expected)
      #expect(try await catalog.uploads(.all, limit: 100) == expected + [elsewhere])
      #expect(try await catalog.uploads(UploadRange(bucket, prefix: "a/"), limit: 100) == Array(expected[6..<12]))
      #expect(
        try await catalog.uploads(UploadRange(bucket).after("a", nil, in: bucket), limit: 2) == Array(expected[3..<5]))
      #expect(
        try await catalog.uploads(UploadRange(bucket).after("a/b", expected[7].id, in: bucket), limit: 2)
          == Array(expected[8..<10]))
      #expect(
        try await catalog.uploads(UploadRange(bucket).after(keysWith: "a/", in: bucket), limit: 1) == [expected[12]])
      var range = UploadRange(bucket)
      var walked: [PendingUpload] = []
      while let last = try await catalog.uploads(range, limit: 1).last {
        walked.append(last)
        range = range.after(last)
      }
      #expect(walked == expected)
    }
  }
}
