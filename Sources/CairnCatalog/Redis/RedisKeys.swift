internal import CairnModel
internal import NIOCore

/// The names of Redis keys. All keys of one bucket share a hash tag, and so do those of volumes and nodes: what one
/// script changes is on one shard of a Redis Cluster.
struct RedisKeys: Sendable {
  let prefix: String

  /// HASH: key of an object → its version (16 bytes) and the object, encoded.
  func objects(_ bucket: BucketName) -> String { "\(prefix):{\(bucket.text)}\(Self.objectsSuffix)" }
  /// ZSET, all with score 0: the keys of the objects in bytewise order.
  func names(_ bucket: BucketName) -> String { "\(prefix):{\(bucket.text)}:names" }
  /// HASH: version (16 bytes) → key of the object.
  func versions(_ bucket: BucketName) -> String { "\(prefix):{\(bucket.text)}:versions" }
  /// STRING that expires: the tombstone's version (16 bytes) and the deleted object, encoded.
  func deletion(_ name: ObjectName) -> String { "\(prefix):{\(name.bucket.text)}\(Self.deletionInfix)\(name.key.text)" }
  /// HASH: `id` → a random number, `position` → how many objects were put and deleted so far, `count` → how many there
  /// are.
  func epoch(_ bucket: BucketName) -> String { "\(prefix):{\(bucket.text)}:epoch" }
  /// HASH: node id → when the catalog had all its records, in milliseconds since 1970, a space, and the Redis process.
  /// Beside the epoch, because one script looks at both.
  func reconciled(_ bucket: BucketName) -> String { "\(prefix):{\(bucket.text)}:reconciled" }

  /// HASH that expires: `upload` → the upload, encoded; number of a part → the part, encoded; `name`; `claimed` → 1.
  func upload(_ id: BlobID) -> String { "\(uploadPrefix)\(id)" }
  /// What the key of each upload starts with: its id follows.
  var uploadPrefix: String { "\(prefix):{cluster}:upload:" }
  /// ZSET, all with score 0: the names of uploads (``UploadRange``), also of some that expired since.
  var uploadNames: String { "\(prefix):{cluster}:upload-names" }
  /// ZSET, the same for uploads that nobody claimed.
  var openUploadNames: String { "\(prefix):{cluster}:open-upload-names" }

  /// HASH: volume id (8 bytes) → the volume, encoded.
  var volumes: String { "\(prefix):{cluster}:volumes" }
  /// ZSET, all with score 0: the ids of all volumes in order.
  var volumeIDs: String { "\(prefix):{cluster}:volume-ids" }
  /// SET: the ids of the open volumes.
  var openVolumes: String { "\(prefix):{cluster}:open-volumes" }
  /// HASH: node id → its last report.
  var nodes: String { "\(prefix):{cluster}:nodes" }
  /// HASH: node id → incarnation (8 bytes), `1` if it left else `0`, and the milliseconds since 1970 of its heartbeat.
  var heartbeats: String { "\(prefix):{cluster}:heartbeats" }
  /// SET: the ids of the nodes that are to be emptied.
  var draining: String { "\(prefix):{cluster}:draining" }
  /// STREAM with the consumer group `workers`: the keys of repair work that waits or runs.
  var repairQueue: String { "\(prefix):{cluster}:repair-queue" }
  /// STREAM, the same for work that goes first.
  var urgentRepairQueue: String { "\(prefix):{cluster}:urgent-repair-queue" }
  /// HASH: key → the work, encoded.
  var repairWork: String { "\(prefix):{cluster}:repair-work" }
  /// HASH: key → how the work stands, as MessagePack.
  var repairStates: String { "\(prefix):{cluster}:repair-states" }
  /// ZSET: key → when work that failed waits again, in milliseconds since 1970.
  var repairRetries: String { "\(prefix):{cluster}:repair-retries" }
  /// HASH: volume id (8 bytes) → offset in its log.
  var marks: String { "\(prefix):{cluster}:replay-marks" }
}
