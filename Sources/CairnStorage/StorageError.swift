package import CairnModel

/// Why the store could not do what was asked.
package enum StorageError: Error, Hashable {
  // What a coordinator answers by going elsewhere.
  case unknownVolume(VolumeID)
  case volumeSealed(VolumeID)
  case volumeFull(VolumeID)
  /// Writing to the volume or syncing it failed, now or before. It takes no more appends; its records can be read.
  case volumeFailed(VolumeID, SystemError)
  /// The disk reserve is reached, or the disk is full. Bytes.
  case readOnly(free: UInt64, reserve: UInt64)
  /// The volume holds another record with that blob id.
  case duplicateBlob(BlobLocation)
  case closed

  // What is wrong with the disk.
  case corrupt(BlobLocation, FormatError)
  case io(SystemError, path: String)
  case format(FormatError, path: String)

  // What keeps a store from opening.
  case pathInUse(path: String, by: String)
  case invalidConfiguration(option: String, value: String, allowed: String)
  /// There are volumes, but `node.json` is gone: without it they belong to no one.
  case identityMissing(path: String)
  /// Every leaf that the limit of entries per directory allows is full.
  case tooManyVolumes(Int)
}

extension StorageError: CustomStringConvertible {
  package var description: String {
    switch self {
    case .unknownVolume(let volume): "volume \(volume) is not on this node"
    case .volumeSealed(let volume): "volume \(volume) is sealed"
    case .volumeFull(let volume): "volume \(volume) is full"
    case .volumeFailed(let volume, let error): "volume \(volume) takes no more writes since \(error)"
    case .readOnly(let free, let reserve):
      "the disk is full: \(free) bytes are free, \(reserve) are kept in reserve"
    case .duplicateBlob(let location):
      "volume \(location.volume) holds another record of blob \(location.blob)"
    case .closed: "the store is closed"
    case .corrupt(let location, let error):
      "blob \(location.blob) in volume \(location.volume) is damaged: \(error)"
    case .io(let error, let path): "\(path): \(error)"
    case .format(let error, let path): "\(path): \(error)"
    case .pathInUse(let path, let owner): "storage path \(path) is in use by \(owner)"
    case .invalidConfiguration(let option, let value, let allowed): "\(option) is \(value): allowed is \(allowed)"
    case .identityMissing(let path):
      "\(path) is missing, although there are volumes: bring it back with the node id that the cluster knows"
    case .tooManyVolumes(let count): "\(count) volumes are all that the limit of entries per directory allows"
    }
  }
}
