package import CairnModel

extension StorageError {
  /// What a coordinator is told to do about it.
  package var refusal: NodeRefusal {
    switch self {
    case .unknownVolume: .volumeUnknown
    case .volumeSealed, .volumeFull, .volumeFailed: .volumeClosed
    case .readOnly: .readOnly
    case .duplicateBlob: .malformed
    case .corrupt: .corrupt
    case .closed, .io, .format, .pathInUse, .invalidConfiguration, .identityMissing, .tooManyVolumes: .failed
    }
  }
}
