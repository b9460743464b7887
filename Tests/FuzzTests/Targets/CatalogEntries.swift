@testable import CairnCatalog
@testable import CairnModel
@testable import CairnObjects
@testable import CairnRepair
import NIOCore

/// What is kept in a catalog, be it Redis or SQLite.
extension FuzzTarget {
  static let catalogEntries: [FuzzTarget] = [
    FuzzTarget(
      "catalog-object", seeds: Samples.attributes.map { encoded(StoredObject(head: Samples.location, attributes: $0)) }
    ) {
      input in
      guard let object = accepted({ try StoredObject(decoding: input.buffer) }) else { return }
      try requireEqual(try StoredObject(decoding: object.encoded()), object, "an object read and written")
      // What answers tell of it.
      _ = object.attributes.etag
      _ = AccessKey.grants(object.attributes.metadata)
    },

    FuzzTarget("catalog-volume", seeds: volumes.map { Array($0.encoded().readableBytesView) }) { input in
      let id = VolumeID(rawValue: 1)
      guard let volume = accepted({ try Volume(id: id, decoding: input.buffer, state: .open) }) else { return }
      try requireEqual(
        try Volume(id: id, decoding: volume.encoded(), state: .open), volume, "a volume read and written")
    },

    FuzzTarget("catalog-node", seeds: reports.map { [UInt8](repeating: 0, count: 8) + $0.encoded().readableBytesView })
    { input in
      let (milliseconds, rest) = input.number()
      guard let report = accepted({ try NodeReport(decoding: rest.buffer) }) else { return }
      try requireEqual(try NodeReport(decoding: report.encoded()), report, "a report read and written")
      for now in [0, Samples.time.millisecondsSinceEpoch, .max] {
        let node = accepted {
          try RegisteredNode(
            catalogEntry: rest.buffer, lastHeartbeat: milliseconds, now: now, departed: false, isDraining: false)
        }
        _ = node?.lastHeartbeat.secondsSinceEpoch
      }
    },

    FuzzTarget("catalog-upload", seeds: uploads.map { Array($0.encoded().readableBytesView) }) { input in
      guard let upload = accepted({ try PendingUpload(id: Samples.blob, decoding: input.buffer) }) else { return }
      try requireEqual(
        try PendingUpload(id: Samples.blob, decoding: upload.encoded()), upload, "an upload read and written")
      let range = UploadRange(upload.bucket, prefix: upload.name.key.text)
      try require(range.lower.lexicographicallyPrecedes(range.upper), "a range of uploads is empty")
    },

    FuzzTarget("catalog-part", seeds: parts.map { Array($0.encoded().readableBytesView) }) { input in
      guard let part = accepted({ try UploadPart(number: 1, decoding: input.buffer) }) else { return }
      try requireEqual(try UploadPart(number: 1, decoding: part.encoded()), part, "a part read and written")
    },

    FuzzTarget("catalog-work", seeds: work.map { Array($0.queued.encoded().readableBytesView) }) { input in
      guard let work = accepted({ try RepairWork(key: "k", decoding: input.buffer) }) else { return }
      try requireEqual(try RepairWork(key: "k", decoding: work.encoded()), work, "work read and written")
      guard let task = accepted({ try VolumeWork(work) }) else { return }
      try requireEqual(try VolumeWork(task.queued), task, "work on a volume read and written")
    },
  ]

  private static func encoded(_ object: StoredObject) -> [UInt8] { Array(object.encoded().readableBytesView) }

  private static let nodes = [Samples.node, NodeID("ffffffffffffffffffffffffffffffff")].compactMap(\.self)

  private static let volumes = [Volume(id: VolumeID(rawValue: 1), nodes: nodes, replicasWanted: 3, state: .open)]

  private static let reports = nodes.map {
    NodeReport(
      node: $0, incarnation: 1, address: "host", port: 8001, zone: "z", storagePath: "/data", capacity: 1 << 40,
      available: 1 << 39, readOnly: true, blobCount: 5, volumeCount: 6, damagedCount: 7)
  }

  private static let uploads: [PendingUpload] = Samples.heads.map {
    var upload = PendingUpload(id: Samples.blob, name: $0.name, attributes: $0.attributes, replicas: 2)
    upload.checksum = UploadChecksum(algorithm: .sha256, kind: .composite)
    return upload
  }

  private static let parts = [
    UploadPart(
      number: 1, size: 9, md5: Digest([UInt8](repeating: 1, count: 16)),
      sha256: Digest([UInt8](repeating: 2, count: 32)),
      checksum: ObjectChecksum(algorithm: .crc32, kind: .fullObject, value: Digest([1, 2, 3, 4])),
      chunks: [.init(location: Samples.location, length: 9)], isDegraded: true)
  ]

  private static let work: [VolumeWork] = nodes.flatMap { node in
    let volume = VolumeID(rawValue: 1)
    return [
      VolumeWork.replicate(volume, to: node, replacing: node), .complete(volume, on: nodes),
      .retire(volume, from: node),
      .drop(volume, from: node), .mend(volume), .compare(volume), .scrub(volume, on: node),
    ]
  }
}
