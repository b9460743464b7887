internal import CairnModel

/// The files of a volume. All names are ours: the volume's id and an extension.
struct VolumePaths: Hashable, Sendable {
  static let logExtension = ".log"
  static let indexExtension = ".index"
  /// Of files that exist for a moment: whatever has it at a start is left over and removed.
  static let temporaryExtension = ".tmp"
  /// Files that a volume can have at once, temporary ones included.
  static let filesMax = 4

  let directory: Directory
  let volume: VolumeID

  var logName: String { volume.description + Self.logExtension }
  var indexName: String { volume.description + Self.indexExtension }
  var log: String { directory.path + "/" + logName }
  var index: String { directory.path + "/" + indexName }
  var temporaryLog: String { log + Self.temporaryExtension }
  var temporaryIndex: String { index + Self.temporaryExtension }

  /// Removes what an interrupted change left over.
  func removeTemporaries() throws(StorageError) {
    try directory.remove(logName + Self.temporaryExtension)
    try directory.remove(indexName + Self.temporaryExtension)
  }
}
