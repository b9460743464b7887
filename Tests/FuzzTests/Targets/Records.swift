@testable import CairnModel
import NIOCore

/// Records as they are on disks and come from nodes, and what is in them.
extension FuzzTarget {
  static let records: [FuzzTarget] = [
    FuzzTarget("record", seeds: try Samples.records.map { try Samples.bytes(of: $0) }) { input in
      // As it is, and as one whose checksums are right: else nothing behind them would ever be reached.
      for bytes in [input.bytes, Samples.withRightChecksums(input.bytes)] {
        guard let record = accepted({ try EncodedRecord(verifying: ByteBuffer(bytes: bytes)) }) else { continue }
        try requireEqual(record.header.length, bytes.count, "the length of a record")
        let again = try EncodedRecord(record.record)
        try requireEqual(again.record, record.record, "a record read and written")
      }
    },

    FuzzTarget("head-record", seeds: Samples.heads.map { Array($0.metadata().readableBytesView) }) { input in
      guard let head = accepted({ try HeadRecord(metadata: input.buffer) }) else { return }
      try requireEqual(try HeadRecord(metadata: head.metadata()), head, "a head record read and written")
    },

    FuzzTarget("tombstone", seeds: Samples.tombstones.map { Array($0.metadata().readableBytesView) }) { input in
      guard let tombstone = accepted({ try Tombstone(metadata: input.buffer) }) else { return }
      try requireEqual(try Tombstone(metadata: tombstone.metadata()), tombstone, "a tombstone read and written")
    },

    FuzzTarget("manifest", seeds: Samples.manifests.map { Array($0.encoded().readableBytesView) }) { input in
      guard let manifest = accepted({ try Manifest(decoding: input.buffer) }) else { return }
      try requireEqual(try Manifest(decoding: manifest.encoded()), manifest, "a manifest read and written")
    },

    FuzzTarget("fields", seeds: Samples.heads.map { Array($0.metadata().readableBytesView) }) { input in
      var rest = input.buffer
      var count = 0
      _ = accepted { while try rest.readField(of: "test") != nil { count += 1 } }
      try require(count <= input.bytes.count / 5, "\(count) fields in \(input.bytes.count) bytes")
      var lists = (input.buffer, input.buffer)
      while lists.0.readBlobID() != nil {}
      while lists.1.readLocation() != nil {}
    },
  ]
}
