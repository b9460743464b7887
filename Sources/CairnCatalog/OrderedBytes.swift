internal import CairnModel
internal import NIOCore

/// Identifiers as catalogs keep them: big-endian, so that the order of the bytes is the order of the ids.
extension ByteBuffer {
  mutating func writeOrdered(_ id: BlobID) {
    writeInteger(id.high)
    writeInteger(id.low)
  }

  mutating func readOrderedBlobID() -> BlobID? {
    guard let high = readInteger(as: UInt64.self), let low = readInteger(as: UInt64.self) else { return nil }
    return BlobID(high: high, low: low)
  }

  init(ordered id: BlobID) {
    self.init()
    reserveCapacity(16)
    writeOrdered(id)
  }

  init(ordered id: VolumeID) {
    self.init(integer: id.rawValue)
  }

  mutating func readOrderedVolumeID() -> VolumeID? {
    readInteger(as: UInt64.self).map(VolumeID.init(rawValue:))
  }
}
