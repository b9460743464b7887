internal import CairnModel
internal import NIOHTTP1

/// What a coordinator can ask of a node; the paths are those of ``NodeProtocol``.
enum NodeRoute: Hashable {
  case createVolume(VolumeID)
  case append(VolumeID)
  case seal(VolumeID)
  case read(BlobLocation)
  case drop(VolumeID)
  case digest(VolumeID)
  case listBlobs(VolumeID)
  case restore(BlobLocation)
  case scrub(VolumeID)
  case listDamaged(VolumeID)
  case listGarbage(VolumeID)
  case discard(VolumeID)
  case rewrite(VolumeID)
  case listVolumes
  case streamRecords(VolumeID)
  case readRecord(BlobLocation)

  init?(method: HTTPMethod, path: Substring) {
    let parts = path.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).map(Substring.init)
    if method == .GET, path == NodeProtocol.volumesPath {
      self = .listVolumes
      return
    }
    guard parts.count >= 3, parts[0].isEmpty, parts[1] == "volumes", let volume = VolumeID(parts[2]) else {
      return nil
    }
    switch (method, parts.count) {
    case (.PUT, 3): self = .createVolume(volume)
    case (.DELETE, 3): self = .drop(volume)
    case (.POST, 4) where parts[3] == "records": self = .append(volume)
    case (.POST, 4) where parts[3] == "seal": self = .seal(volume)
    case (.POST, 4) where parts[3] == "scrub": self = .scrub(volume)
    case (.POST, 4) where parts[3] == "rewrite": self = .rewrite(volume)
    case (.POST, 4) where parts[3] == "garbage": self = .discard(volume)
    case (.GET, 4) where parts[3] == "records": self = .streamRecords(volume)
    case (.GET, 4) where parts[3] == "digest": self = .digest(volume)
    case (.GET, 4) where parts[3] == "blobs": self = .listBlobs(volume)
    case (.GET, 4) where parts[3] == "damaged": self = .listDamaged(volume)
    case (.GET, 4) where parts[3] == "garbage": self = .listGarbage(volume)
    case (_, 5):
      guard let blob = BlobID(parts[4]) else { return nil }
      self.init(method: method, collection: parts[3], BlobLocation(volume: volume, blob: blob))
    default: return nil
    }
  }

  private init?(method: HTTPMethod, collection: Substring, _ location: BlobLocation) {
    switch (method, collection) {
    case (.GET, "blobs"): self = .read(location)
    case (.PUT, "blobs"): self = .restore(location)
    case (.GET, "records"): self = .readRecord(location)
    default: return nil
    }
  }
}
