internal import CairnModel
internal import CairnObjects

/// The schemas that have a name in the description, because several answers have them or clients are made from them.
enum SchemaName: String, CaseIterable {
  case blobID = "BlobID"
  case nodeID = "NodeID"
  case objectName = "ObjectName"
  case encodedName = "EncodedName"
  case stored = "StoredFile"
  case listed = "ListedFile"
  case listedNode = "ListedNode"
  case nodeState = "NodeState"
  case node = "Node"
  case repairTask = "RepairTask"
  case orphan = "Orphan"
  case part = "Part"
  case upload = "Upload"
  case accessKeyID = "AccessKeyID"
  case accessKey = "AccessKey"
  case error = "Error"
  case message = "Message"
  case fileError = "FileError"

  var schema: Schema {
    switch self {
    case .blobID, .nodeID: .hexadecimal(32)
    case .objectName: .text(pattern: "^[^\\u0000]+$", length: 1...ObjectKey.lengthMax)
    case .encodedName: .text(pattern: Self.percentEncodedUTF8)
    case .stored: Self.storedFile
    case .listed: Self.listedFile
    case .listedNode: Self.listedNodeRecord
    case .nodeState: .record(Self.nodeStateMembers)
    case .node: Self.nodeRecord
    case .repairTask: Self.repairTaskRecord
    case .orphan:
      .record(
        .always("volume", .hexadecimal(16)), .always("blob_id", .named(.blobID)),
        .always("kind", .choice(["head", "chunk"])), .always("name", .nullable(.plainText)), .always("size", .count))
    case .part:
      .record(
        .always("number", .partNumber), .always("size", .count), .always("md5", .hexadecimal(32)),
        .always("sha256", .hexadecimal(64)))
    case .upload:
      .record(
        .always("upload_id", .named(.blobID)), .always("name", .named(.objectName)),
        .always("parts", .list(.named(.part))))
    case .accessKeyID: .text(pattern: "^[A-Za-z0-9_-]+$", length: AccessKey.idLength)
    case .accessKey: .record(Self.accessKeyMembers)
    case .error: .record(.always("detail", .plainText))
    case .message: .record(.always("message", .plainText))
    case .fileError:
      .record(
        .always("errorCode", .integer(1...5)), .always("data", .plainText), .always("detail", .plainText))
    }
  }

  /// Without an encoded NUL, and with sequences of bytes that are UTF-8.
  private static let percentEncodedUTF8: String = {
    let tail = "%[89ABab][0-9A-Fa-f]"
    let sequences = [
      "[!-$&-~]", "%0[1-9A-Fa-f]", "%[1-7][0-9A-Fa-f]", "%([Cc][2-9A-Fa-f]|[Dd][0-9A-Fa-f])\(tail)",
      "%[Ee]([1-9A-Ca-cEeFf]\(tail)|0%[ABab][0-9A-Fa-f]|[Dd]%[89][0-9A-Fa-f])\(tail)",
      "%[Ff]([1-3]\(tail)|0%[9ABab][0-9A-Fa-f]|4%8[0-9A-Fa-f])\(tail)\(tail)",
    ]
    return "^(" + sequences.joined(separator: "|") + ")+$"
  }()

  private static let storedFile = Schema.record(
    .always("blob_id", .named(.blobID)), .always("name", .named(.objectName)),
    .always("original_filename", .plainText), .always("content_type", .plainText), .always("size", .count),
    .always("checksum", .nullable(.hexadecimal(64))), .always("md5", .nullable(.hexadecimal(32))),
    .always("stored_nodes", .list(.named(.nodeID))), .always("created_at", .time),
    .always("upload_status", .choice(["completed", "degraded"])))

  private static let listedFile = Schema.record(
    .always("name", .named(.objectName)), .always("size", .count), .always("etag", .plainText),
    .always("content_type", .plainText), .always("last_modified", .time), .always("blob_id", .named(.blobID)))

  private static let nodeStatus = Schema.choice(["active", "inactive", "draining", "read-only"])

  private static let listedNodeRecord = Schema.record(
    .always("node_id", .named(.nodeID)), .always("storage_dir", .plainText), .always("available_space", .count),
    .always("capacity", .count), .always("status", nodeStatus), .always("last_heartbeat", .time),
    .always("listen_port", .integer(0...65_535)), .always("address", .plainText), .always("zone", .plainText),
    .always("blob_count", .count), .always("volume_count", .count), .sometimes("detail", .plainText))

  private static let nodeStateMembers: [Schema.Member] = [
    .always("node_id", .named(.nodeID)), .always("address", .plainText), .always("port", .integer(0...65_535)),
    .always("zone", .plainText), .always("status", nodeStatus), .always("last_heartbeat", .time),
    .always("capacity", .count), .always("available", .count), .always("used", .count),
    .always("fill", .number(min: 0, max: 1)), .always("volume_count", .count), .always("blob_count", .count),
    .always("damaged_count", .count), .sometimes("detail", .plainText),
  ]

  private static let nodeRecord = Schema.record(
    nodeStateMembers + [
      .always("storage_dir", .plainText), .always("draining", .truth), .always("volumes", .count),
      .sometimes("volumes_left", .count), .sometimes("nodes_missing", .count),
      .sometimes("may_be_switched_off", .truth),
    ])

  /// Without its secret.
  static let accessKeyMembers: [Schema.Member] = [
    .always("id", .named(.accessKeyID)), .always("created_at", .time),
    .always(
      "grants",
      .list(
        .record(
          .always("bucket", .plainText), .always("permissions", .list(.choice(S3Permissions.all.names)))))),
    .always("owns", .list(.plainText)),
  ]

  private static let repairTaskRecord = Schema.record(
    .always("key", .plainText), .always("kind", .plainText),
    .always("state", .choice(["waiting", "running", "retrying"])), .always("worker", .nullable(.plainText)),
    .always("attempts", .count), .always("last_error", .nullable(.plainText)), .always("done", .nullable(.count)),
    .always("total", .nullable(.count)), .always("rate", .nullable(.count)),
    .always("eta_seconds", .nullable(.count)), .always("since", .time))
}
