import CairnModel
import NIOCore
import Testing

@Suite struct RecordTests {
  private func head(payload: String) throws -> EncodedRecord {
    let attributes = ObjectAttributes(
      size: UInt64(payload.utf8.count), contentType: "text/plain", createdAt: Timestamp(nanosecondsSinceEpoch: 42),
      md5: Digest([UInt8](repeating: 1, count: 16)), sha256: Digest([UInt8](repeating: 2, count: 32)), layout: .inline)
    let head = HeadRecord(name: ObjectName(key: try ObjectKey("ä/../%/🏔")), attributes: attributes)
    return try EncodedRecord(
      Record(
        kind: .head, blob: BlobID(high: 7, low: 9), timestamp: Timestamp(nanosecondsSinceEpoch: 42),
        metadata: head.metadata(), payload: ByteBuffer(string: payload)))
  }

  private func wire(_ record: EncodedRecord) -> ByteBuffer {
    var bytes = record.prefix
    bytes.writeImmutableBuffer(record.payload)
    return bytes
  }

  @Test func checksumIsTheOneOfRFC3720() {
    #expect(Array("123456789".utf8).withUnsafeBytes(CRC32C.checksum) == 0xE306_9283)
  }

  @Test(arguments: ["", "x", "hello, wörld"])
  func encodedRecordReadsBackTheSame(payload: String) throws {
    let record = try head(payload: payload)
    let again = try EncodedRecord(verifying: wire(record))
    #expect(again.record == record.record)
    let head = try HeadRecord(metadata: again.record.metadata)
    #expect(head.name.key.text == "ä/../%/🏔")
    #expect(head.attributes.size == UInt64(payload.utf8.count))
  }

  @Test func metadataReadsBackTheSame() throws {
    var metadata = ObjectMetadata()
    for header in ObjectMetadata.SystemHeader.allCases { metadata.headers[header] = "value \(header)" }
    metadata.user = [.init("colour", "blau & grün"), .init("empty", ""), .init("colour2", "x")]
    metadata.tags = [.init("ä", "<1>"), .init(String(repeating: "k", count: 300), "")]
    metadata.access = .read
    metadata.storageClass = "GLACIER"
    var attributes = try HeadRecord(metadata: head(payload: "x").record.metadata).attributes
    #expect(attributes.metadata == ObjectMetadata())
    attributes.metadata = metadata
    // A field of a header and one of attributes that are yet to come.
    attributes.unknown = [.init(tag: 8, value: [99, 1, 2]), .init(tag: 200, value: [1])]
    let head = HeadRecord(name: ObjectName(bucket: .system, key: try ObjectKey("bucket/x")), attributes: attributes)
    #expect(try HeadRecord(metadata: head.metadata()) == head)
  }

  /// Sums with them would overflow, and lengths of ranges not fit.
  @Test(arguments: [UInt64.max, 1 << 63, Limits.storedSizeMax + 1])
  func sizesThatNothingHasAreRefused(size: UInt64) throws {
    var head = try HeadRecord(metadata: head(payload: "x").record.metadata)
    head.attributes.size = size
    #expect(throws: FormatError.self) { try HeadRecord(metadata: head.metadata()) }
    let chunk = Manifest.Chunk(location: BlobLocation(volume: .make(), blob: BlobID(high: 1, low: 1)), length: 1)
    for sizes in [[size], [1, size], [size, size]] {
      let parts = sizes.map { Manifest.Part(size: $0, checksum: nil) }
      #expect(throws: FormatError.self) { try Manifest(decoding: Manifest(chunks: [chunk], parts: parts).encoded()) }
    }
    let volume = ReplicaSummary(
      id: .make(), state: .open, isFailed: false, logBytes: max(size, Limits.nodeTotalMax + 1), liveBytes: 0,
      garbageBytes: 0, blobCount: 0,
      durableEnd: 0, damagedCount: 0)
    #expect(throws: FormatError.self) { try ReplicaSummary(decoding: ByteBuffer(bytes: volume.encoded())) }
  }

  @Test func everyFlippedBitIsNoticed() throws {
    let bytes = wire(try head(payload: "payload"))
    for bit in 0..<bytes.readableBytes * 8 {
      // The two reserved bytes are under the header checksum as well.
      var damaged = Array(bytes.readableBytesView)
      damaged[bit / 8] ^= 1 << (bit % 8)
      #expect(throws: FormatError.self) { try EncodedRecord(verifying: ByteBuffer(bytes: damaged)) }
    }
  }

  @Test func everyCutIsNoticed() throws {
    let bytes = Array(wire(try head(payload: "payload")).readableBytesView)
    for length in 0..<bytes.count {
      #expect(throws: FormatError.self) { try EncodedRecord(verifying: ByteBuffer(bytes: bytes.prefix(length))) }
    }
  }

  @Test func newerFormatIsRefusedByItsVersion() throws {
    var bytes = Array(wire(try head(payload: "")).readableBytesView)
    bytes[4] = Record.formatVersion + 1
    #expect(throws: FormatError.newerVersion(what: "record", found: 2, supported: 1)) {
      try EncodedRecord(verifying: ByteBuffer(bytes: bytes))
    }
  }

  @Test func unknownAttributesSurvive() throws {
    let record = try head(payload: "x")
    var attributes = try HeadRecord(metadata: record.record.metadata).attributes
    attributes.unknown = [UnknownAttribute(tag: 200, value: [1, 2, 3])]
    let object = StoredObject(
      head: BlobLocation(volume: VolumeID(rawValue: 3), blob: record.header.blob), attributes: attributes)
    #expect(try StoredObject(decoding: object.encoded()) == object)
  }

  @Test func tombstoneReadsBackTheSame() throws {
    let tombstone = Tombstone(
      object: .init(name: ObjectName(key: try ObjectKey("k")), upTo: BlobID(high: 1, low: 2)),
      garbage: [BlobLocation(volume: VolumeID(rawValue: 3), blob: BlobID(high: 4, low: 5))])
    #expect(try Tombstone(metadata: tombstone.metadata()) == tombstone)
    let garbageOnly = Tombstone(garbage: tombstone.garbage)
    #expect(try Tombstone(metadata: garbageOnly.metadata()) == garbageOnly)
    let committedOnly = Tombstone(committed: [BlobID(high: 6, low: 7), BlobID(high: 8, low: 9)])
    #expect(try Tombstone(metadata: committedOnly.metadata()) == committedOnly)
  }

  @Test func manifestReadsBackTheSame() throws {
    let chunks = (0..<1000).map { index in
      Manifest.Chunk(
        location: BlobLocation(volume: VolumeID(rawValue: index), blob: BlobID(high: index, low: 1)),
        length: UInt32(index))
    }
    #expect(try Manifest(decoding: Manifest(chunks: chunks).encoded()) == Manifest(chunks: chunks))
    var cut = Manifest(chunks: chunks).encoded()
    cut.moveWriterIndex(to: cut.writerIndex - 1)
    #expect(throws: FormatError.self) { try Manifest(decoding: cut) }
  }
}
