/// What a node says of itself with each heartbeat.
package struct NodeReport: Hashable, Codable, Sendable {
  package var node: NodeID
  /// Random, made at each start of the process: tells a restarted node from a second one with the same id.
  package var incarnation: UInt64
  /// Host name or IP address at which coordinators reach it.
  package var address: String
  package var port: Int
  package var zone: String
  /// The directory on the node.
  package var storagePath: String
  /// Bytes.
  package var capacity: UInt64
  /// Bytes that can still be written before ``readOnly``.
  package var available: UInt64
  /// Disk reserve reached: takes no new volumes and no appends.
  package var readOnly: Bool
  package var blobCount: UInt64
  package var volumeCount: Int
  /// Blobs that are known to be damaged, and damaged ranges of which no one knows whose they were.
  package var damagedCount: UInt64

  package init(
    node: NodeID, incarnation: UInt64, address: String, port: Int, zone: String, storagePath: String, capacity: UInt64,
    available: UInt64, readOnly: Bool, blobCount: UInt64, volumeCount: Int, damagedCount: UInt64 = 0
  ) {
    self.node = node
    self.incarnation = incarnation
    self.address = address
    self.port = port
    self.zone = zone
    self.storagePath = storagePath
    self.capacity = capacity
    self.available = available
    self.readOnly = readOnly
    self.blobCount = blobCount
    self.volumeCount = volumeCount
    self.damagedCount = damagedCount
  }
}

/// A node as the registry knows it.
package struct RegisteredNode: Hashable, Sendable {
  package var report: NodeReport
  /// When the last heartbeat came, by the catalog's clock.
  package var lastHeartbeat: Timestamp
  /// How long ago that was when the registry was read, in milliseconds, by the same clock.
  package var ageMilliseconds: UInt64
  /// An operator wants it empty: it gets nothing new, and what it has moves elsewhere.
  package var isDraining: Bool

  package init(report: NodeReport, lastHeartbeat: Timestamp, ageMilliseconds: UInt64, isDraining: Bool = false) {
    self.report = report
    self.lastHeartbeat = lastHeartbeat
    self.ageMilliseconds = ageMilliseconds
    self.isDraining = isDraining
  }

  /// New data may be put on it.
  package var takesData: Bool { !isDraining && !report.readOnly && report.available > 0 }
}

extension NodeID: Codable {
  package init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    let text = try container.decode(String.self)
    guard let id = NodeID(text) else {
      throw DecodingError.dataCorruptedError(in: container, debugDescription: "'\(text)' is not 32 hexadecimal digits")
    }
    self = id
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }
}
