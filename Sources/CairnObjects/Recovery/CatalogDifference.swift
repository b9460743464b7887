package import CairnCatalog
package import CairnModel

/// Something on which a catalog and the disks do not agree.
package enum CatalogDifference: Hashable, Sendable, CustomStringConvertible {
  /// No tombstone covers the object, and the catalog doesn't know the name.
  case objectNotInCatalog(ObjectName, disk: BlobLocation)
  /// The disks have a newer version than the catalog.
  case olderInCatalog(ObjectName, catalog: BlobLocation, disk: BlobLocation)
  /// No node that should have the record gave it.
  case objectNotOnDisk(ObjectName, catalog: BlobLocation)
  /// A tombstone says that the version is gone.
  case deletedOnDisk(ObjectName, catalog: BlobLocation)
  /// The same version is described in two ways: these attributes differ.
  case attributes(ObjectName, BlobLocation, [String])
  case volumeNotInCatalog(VolumeID, disk: [NodeID])
  /// The catalog says that it is open, and no node appends to it.
  case openInCatalog(VolumeID)
  case replica(ReplicaDifference)
  /// The catalog does not agree with itself.
  case index(IndexDifference)

  package var description: String {
    switch self {
    case .objectNotInCatalog(let name, let disk): "object \(name.words): on disk (\(disk.words)), not in the catalog"
    case .olderInCatalog(let name, let catalog, let disk):
      "object \(name.words): the catalog has an older version (\(catalog.words)) than the disks (\(disk.words))"
    case .objectNotOnDisk(let name, let catalog): "object \(name.words): in the catalog (\(catalog.words)), not on disk"
    case .deletedOnDisk(let name, let catalog):
      "object \(name.words): in the catalog (\(catalog.words)), a tombstone on disk says that it is gone"
    case .attributes(let name, let location, let fields):
      "object \(name.words): other attributes in the catalog than on disk (\(location.words)): "
        + fields.joined(separator: ", ")
    case .volumeNotInCatalog(let volume, let nodes):
      "volume \(volume): on nodes \(nodes.map(\.description).joined(separator: ",")), not in the catalog"
    case .openInCatalog(let volume): "volume \(volume): open in the catalog, sealed on disk"
    case .replica(let difference): difference.description
    case .index(let difference): difference.description
    }
  }
}

extension ObjectName {
  /// In quotes, with control characters escaped: it stays on its line.
  fileprivate var words: String { "\(bucket.text)/\(key.text)".debugDescription }
}

extension BlobLocation {
  fileprivate var words: String { "version \(blob) in volume \(volume)" }
}

extension ObjectAttributes {
  /// The names of what is not the same.
  func differences(from other: ObjectAttributes) -> [String] {
    let all: [(String, Bool)] = [
      ("size", size == other.size), ("content type", contentType == other.contentType),
      ("creation time", createdAt == other.createdAt), ("MD5", md5 == other.md5), ("SHA-256", sha256 == other.sha256),
      ("layout", layout == other.layout), ("checksum", checksum == other.checksum),
      ("parts", assembly == other.assembly), ("sharing of chunks", sharesChunks == other.sharesChunks),
      ("original file name", originalFilename == other.originalFilename),
    ]
    let different = all.filter { !$0.1 }.map(\.0)
    return different.isEmpty && self != other ? ["attributes of a newer Cairn"] : different
  }
}
