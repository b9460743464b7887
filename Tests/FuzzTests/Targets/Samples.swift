@testable import CairnModel
import CairnTestSupport
import NIOCore

/// Values whose encoded forms are the first inputs. Each has every field that it can have somewhere.
enum Samples {
  static let blob = BlobID(high: 0x0190_0000_0000_0001, low: 2)
  static let location = BlobLocation(volume: VolumeID(rawValue: 7), blob: blob)
  static let node = NodeID("0123456789abcdef0123456789abcdef")
  static let time = Timestamp(nanosecondsSinceEpoch: 1_700_000_000_000_000_000)

  static let attributes: [ObjectAttributes] = {
    var small = ObjectAttributes(
      size: 5, contentType: "text/plain", createdAt: time, md5: Digest([UInt8](repeating: 1, count: 16)),
      sha256: Digest([UInt8](repeating: 2, count: 32)), layout: .inline, originalFilename: "ä.txt")
    small.metadata.headers = [.cacheControl: "no-cache", .contentDisposition: "inline"]
    small.metadata.user = [.init("a", "b")]
    small.metadata.tags = [.init("c", "d")]
    small.metadata.access = .read
    small.metadata.storageClass = "GLACIER"
    small.checksum = ObjectChecksum(
      algorithm: .crc32, kind: .fullObject, value: Digest([UInt8](repeating: 3, count: 4)))
    var large = ObjectAttributes(
      size: 1 << 40, contentType: "a/b", createdAt: time, md5: nil, sha256: nil, layout: .manifest)
    large.assembly = Assembly(digest: Digest([UInt8](repeating: 4, count: 16)), partCount: 3, upload: blob)
    large.sharesChunks = true
    large.unknown = [UnknownAttribute(tag: 200, value: [1, 2])]
    return [small, large]
  }()

  private static let names: [ObjectName] =
    ["key", "a/ä/\u{301}"].compactMap { try? ObjectKey($0) }.map { ObjectName(key: $0) }

  static let heads: [HeadRecord] = zip(names, attributes).flatMap { name, attributes in
    [WriteCondition.always, .absent, .version(blob)].map {
      HeadRecord(name: name, attributes: attributes, condition: $0)
    }
  }

  static let tombstones = [
    Tombstone(
      object: names.first.map { .init(name: $0, upTo: blob) }, garbage: [location, location], committed: [blob]),
    Tombstone(garbage: [location]),
  ]

  static let manifests = [
    Manifest(chunks: [.init(location: location, length: 1 << 20), .init(location: location, length: 1)]),
    Manifest(
      chunks: [.init(location: location, length: 9)],
      parts: [.init(size: 5, checksum: Digest([1, 2, 3, 4])), .init(size: 4, checksum: nil)]),
  ]

  static let records: [Record] =
    heads.map {
      Record(kind: .head, blob: blob, timestamp: time, metadata: $0.metadata(), payload: ByteBuffer(string: "hello"))
    }
    + tombstones.map {
      Record(kind: .tombstone, blob: blob, timestamp: time, metadata: $0.metadata(), payload: ByteBuffer())
    }
    + [
      Record(
        kind: .chunk, blob: blob, timestamp: time, metadata: ByteBuffer(),
        payload: ByteBuffer(bytes: (0..<100).map { UInt8($0) }))
    ]

  static func bytes(of record: Record) throws -> [UInt8] {
    let encoded = try EncodedRecord(record)
    return Array(encoded.prefix.readableBytesView) + encoded.payload.readableBytesView
  }

  /// The records, one behind the other as in a log.
  static func log(of records: [Record]) throws -> [UInt8] {
    try records.flatMap { record in
      let bytes = try bytes(of: record)
      return bytes + [UInt8](repeating: 0, count: -bytes.count & (Record.alignment - 1))
    }
  }

  /// The bytes with the checksums that they would have if they were records, wherever one may begin.
  static func withRightChecksums(_ bytes: [UInt8]) -> [UInt8] {
    var bytes = bytes
    for start in stride(from: 0, through: bytes.count - Record.headerLength, by: Record.alignment) {
      func number(_ offset: Int) -> Int {
        bytes[(start + offset)..<(start + offset + 4)].reversed().reduce(0) { $0 << 8 | Int($1) }
      }
      func set(_ crc: UInt32, at offset: Int) {
        withUnsafeBytes(of: crc.littleEndian) { bytes.replaceSubrange(start + offset..<start + offset + 4, with: $0) }
      }
      guard number(0) == Int(Record.magic) else { continue }
      let (metadata, payload) = (number(8), number(12))
      guard metadata + payload <= bytes.count - start - Record.headerLength else { continue }
      let body = start + Record.headerLength
      set(bytes[(body + metadata)..<(body + metadata + payload)].withUnsafeBytes(CRC32C.checksum), at: 40)
      var crc = CRC32C()
      bytes[start..<start + 44].withUnsafeBytes { crc.update($0) }
      bytes[body..<body + metadata].withUnsafeBytes { crc.update($0) }
      set(crc.value, at: 44)
    }
    return bytes
  }

  /// The bytes with the CRC-32C of those before in their last four.
  static func withRightEnd(_ bytes: [UInt8]) -> [UInt8] {
    guard bytes.count >= 4 else { return bytes }
    let crc = bytes.dropLast(4).withUnsafeBytes(CRC32C.checksum)
    return bytes.dropLast(4) + withUnsafeBytes(of: crc.littleEndian) { Array($0) }
  }
}
