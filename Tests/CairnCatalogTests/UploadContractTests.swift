import CairnCatalog
import CairnModel
import CairnTestSupport
import Testing

/// What both catalogs promise of uploads in parts.
@Suite struct UploadContractTests {
  private func upload(_ key: String = "a/b ☃", replicas: Int? = 2) throws -> PendingUpload {
    PendingUpload(
      id: BlobID(high: .random(in: 1 ... .max), low: .random(in: 1 ... .max)),
      name: ObjectName(key: try ObjectKey(key)), contentType: "text/x-odd", replicas: replicas)
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
        for _ in 0..<10 { group.addTask { try await catalog.claim(id) } }
        var claimed: [PendingUpload] = []
        for try await upload in group { if let upload { claimed.append(upload) } }
        return claimed
      }
      #expect(claimed == [upload])
      #expect(try await catalog.upload(id) == nil)
      #expect(try await catalog.put(part(2), of: id) == false)
      #expect(try await catalog.upload(id) == nil)
    }
  }

  @Test(arguments: Implementation.allCases)
  func anUploadThatIsNotThereIsAbsent(_ implementation: Implementation) async throws {
    try await withCatalog(implementation) { fixture in
      let id = try upload().id
      #expect(try await fixture.catalog.upload(id) == nil)
      #expect(try await fixture.catalog.claim(id) == nil)
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
      #expect(try await catalog.claim(short.id) == nil)
      try await catalog.add(try upload(), lifetime: .seconds(1))
      #expect(try await catalog.upload(long.id)?.parts.count == 1)
    }
  }
}
