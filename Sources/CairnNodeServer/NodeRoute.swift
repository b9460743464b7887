internal import CairnModel
internal import NIOHTTP1

/// What a coordinator can ask of a node; the paths are those of ``NodeProtocol``.
enum NodeRoute: Hashable {
  case createVolume(VolumeID)
  case append(VolumeID)
  case seal(VolumeID)
  case read(BlobLocation)

  init?(method: HTTPMethod, path: Substring) {
    let parts = path.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count >= 3, parts[0].isEmpty, parts[1] == "volumes", let volume = VolumeID(parts[2]) else {
      return nil
    }
    switch (method, parts.count) {
    case (.PUT, 3): self = .createVolume(volume)
    case (.POST, 4) where parts[3] == "records": self = .append(volume)
    case (.POST, 4) where parts[3] == "seal": self = .seal(volume)
    case (.GET, 5) where parts[3] == "blobs":
      guard let blob = BlobID(parts[4]) else { return nil }
      self = .read(BlobLocation(volume: volume, blob: blob))
    default: return nil
    }
  }
}
