/// The name of a volume, the same on all nodes that hold a replica of it.
package struct VolumeID: Hashable, Sendable {
  package let rawValue: UInt64

  package init(rawValue: UInt64) {
    self.rawValue = rawValue
  }

  /// A new id: 42 bits of time and 22 random bits, so that a catalog that forgot its counters can't repeat one.
  package static func make(at time: Timestamp = .now()) -> VolumeID {
    VolumeID(rawValue: time.millisecondsSinceEpoch << 22 | UInt64.random(in: 0..<(1 << 22)))
  }

  /// When the volume was made, by the clock of who made it.
  package var createdAt: Timestamp { Timestamp(clampingMillisecondsSinceEpoch: rawValue >> 22) }
}

extension VolumeID: Comparable {
  package static func < (left: VolumeID, right: VolumeID) -> Bool { left.rawValue < right.rawValue }
}

extension VolumeID: CustomStringConvertible, LosslessStringConvertible {
  /// 16 lower-case hexadecimal digits.
  package var description: String { rawValue.hexadecimal }

  /// Accepts exactly what ``description`` produces.
  package init?(_ description: some StringProtocol) {
    guard description.utf8.count == 16, let value = UInt64(hexadecimal: description.utf8) else { return nil }
    self.init(rawValue: value)
  }
}

/// Where a blob is: the volume, and its name in it. Which nodes hold the volume, the catalog knows.
package struct BlobLocation: Hashable, Sendable {
  package let volume: VolumeID
  package let blob: BlobID

  package init(volume: VolumeID, blob: BlobID) {
    self.volume = volume
    self.blob = blob
  }
}
