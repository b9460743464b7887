package import NIOCore

/// What a replica holds under a blob id: the same on all replicas of a volume.
package struct ReplicaBlob: Hashable, Sendable {
  package let blob: BlobID
  /// Those of the record's header. The first one covers kind, time and metadata.
  package let headerCRC: UInt32
  package let payloadCRC: UInt32

  /// Bytes of its encoded form.
  package static let encodedLength = 24

  package init(blob: BlobID, headerCRC: UInt32, payloadCRC: UInt32) {
    self.blob = blob
    self.headerCRC = headerCRC
    self.payloadCRC = payloadCRC
  }

  package func write(to writer: inout FieldWriter) {
    writer.write(blob)
    writer.write(headerCRC)
    writer.write(payloadCRC)
  }

  /// Reads what ``write(to:)`` wrote, any number of times.
  package static func decodeAll(_ bytes: ByteBuffer) throws(FormatError) -> [ReplicaBlob] {
    var bytes = bytes
    var blobs: [ReplicaBlob] = []
    blobs.reserveCapacity(bytes.readableBytes / encodedLength)
    while bytes.readableBytes > 0 {
      guard let blob = bytes.readBlobID(),
        let (header, payload) = bytes.readMultipleIntegers(endianness: .little, as: (UInt32, UInt32).self)
      else { throw .truncated(what: "list of blobs") }
      blobs.append(ReplicaBlob(blob: blob, headerCRC: header, payloadCRC: payload))
    }
    return blobs
  }
}

/// A sum over the blobs of a replica that depends on neither their order nor their places: replicas with the same
/// blobs have the same digest. Against accidents, not against someone who makes collisions.
package struct ReplicaDigest: Hashable, Sendable {
  package private(set) var count: UInt64 = 0
  private var high: UInt64 = 0
  private var low: UInt64 = 0

  package init() {}

  package mutating func add(_ blob: ReplicaBlob) {
    count &+= 1
    let checksums = UInt64(blob.headerCRC) << 32 | UInt64(blob.payloadCRC)
    let first = Self.mix(Self.mix(Self.mix(blob.blob.high &+ Self.step) ^ blob.blob.low) ^ checksums)
    // The second half chains the same fields in another order, so that it isn't a function of the first.
    let second = Self.mix(Self.mix(Self.mix(checksums &+ 2 &* Self.step) ^ blob.blob.high) ^ blob.blob.low)
    let (sum, carry) = low.addingReportingOverflow(first)
    low = sum
    high = high &+ second &+ (carry ? 1 : 0)
  }

  private static let step: UInt64 = 0x9E37_79B9_7F4A_7C15

  /// SplitMix64's finalizer (Steele, Lea and Flood, 2014).
  private static func mix(_ value: UInt64) -> UInt64 {
    var mixed = value
    mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
    return mixed ^ mixed >> 31
  }

  package func encoded() -> [UInt8] {
    var writer = FieldWriter(capacity: 24)
    for field in [count, high, low] { writer.write(field) }
    return writer.bytes
  }

  package init(decoding bytes: ByteBuffer) throws(FormatError) {
    var bytes = bytes
    guard
      let (count, high, low) = bytes.readMultipleIntegers(endianness: .little, as: (UInt64, UInt64, UInt64).self)
    else { throw .truncated(what: "digest") }
    self.count = count
    self.high = high
    self.low = low
  }
}
