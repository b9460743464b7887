@testable import CairnModel
import NIOCore

/// What coordinators and nodes say to each other.
extension FuzzTarget {
  static let nodeMessages: [FuzzTarget] = [
    FuzzTarget("node-frames", seeds: frameSeeds()) { input in
      var rest = input.buffer
      while let head = rest.readSlice(length: AnswerFrame.headLength),
        let (kind, length) = accepted({ try AnswerFrame.head(head) }), let bytes = rest.readSlice(length: length)
      {
        try require(length <= AnswerFrame.lengthMax, "a frame has \(length) bytes")
        let frame = AnswerFrame(kind, bytes)
        var writer = FieldWriter(capacity: 16)
        frame.write(to: &writer)
        var (again, header) = (writer.buffer, ByteBuffer())
        header = again.readSlice(length: AnswerFrame.headLength) ?? header
        try require(try AnswerFrame.head(header) == (kind, length) && again == bytes, "a frame read and written")
        switch kind {
        case .refusal: _ = frame.refusal
        case .item: try check(item: bytes)
        case .progress, .end: break
        }
      }
    },

    FuzzTarget("stream-end", seeds: [streamEnd]) { input in
      for bytes in [input.bytes, Samples.withRightEnd(input.bytes)] {
        guard let end = accepted({ try RecordStreamEnd(ByteBuffer(bytes: bytes)) }) ?? nil else { continue }
        try requireEqual(try RecordStreamEnd(end.encoded()), end, "the end of a stream read and written")
      }
    },

    FuzzTarget("scrub-report", seeds: scrubSeeds()) { input in
      // Items behind their lengths.
      var (rest, items) = (input.buffer, [ByteBuffer]())
      while let item = rest.readLengthPrefixedSlice(as: UInt8.self) { items.append(item) }
      guard let report = accepted({ try ScrubReport(decoding: items) }) else { return }
      let again = try ScrubReport(decoding: report.encodedItems().map { ByteBuffer(bytes: $0) })
      try requireEqual(again, report, "a report read and written")
    },
  ]

  private static func check(item: ByteBuffer) throws {
    if let summary = accepted({ try ReplicaSummary(decoding: item) }) {
      try requireEqual(
        try ReplicaSummary(decoding: ByteBuffer(bytes: summary.encoded())), summary, "a summary read and written")
    }
    if let digest = accepted({ try ReplicaDigest(decoding: item) }) {
      try requireEqual(
        try ReplicaDigest(decoding: ByteBuffer(bytes: digest.encoded())), digest, "a digest read and written")
    }
    guard let blobs = accepted({ try ReplicaBlob.decodeAll(item) }) else { return }
    var digest = ReplicaDigest()
    var writer = FieldWriter(capacity: 24)
    for blob in blobs {
      digest.add(blob)
      blob.write(to: &writer)
    }
    try requireEqual(try ReplicaBlob.decodeAll(writer.buffer), blobs, "blobs read and written")
  }

  private static func frameSeeds() -> [[UInt8]] {
    let summary = ReplicaSummary(
      id: VolumeID(rawValue: 1), state: .sealed, isFailed: true, logBytes: 2, liveBytes: 3, garbageBytes: 4,
      blobCount: 5, durableEnd: 6, damagedCount: 7)
    var digest = ReplicaDigest()
    let blob = ReplicaBlob(blob: Samples.blob, headerCRC: 1, payloadCRC: 2)
    digest.add(blob)
    var blobs = FieldWriter(capacity: 48)
    for _ in 0..<2 { blob.write(to: &blobs) }
    let frames = [summary.encoded(), digest.encoded(), blobs.bytes].map { AnswerFrame(.item, ByteBuffer(bytes: $0)) }
    return [frames + [.end(count: 3)], [.refusal(.failed, "detail"), AnswerFrame(.progress, ByteBuffer())]].map {
      var writer = FieldWriter(capacity: 256)
      for frame in $0 { frame.write(to: &writer) }
      return writer.bytes
    }
  }

  private static let streamEnd = Array(
    RecordStreamEnd(recordCount: 1, end: 2, damagedCount: 3).encoded().readableBytesView)

  private static func scrubSeeds() -> [[UInt8]] {
    var report = ScrubReport()
    report.recordCount = 2
    report.damaged = [.init(blob: Samples.blob, offset: 8, length: 9, reason: "bits")]
    return [report.encodedItems().flatMap { [UInt8($0.count)] + $0 }]
  }
}
