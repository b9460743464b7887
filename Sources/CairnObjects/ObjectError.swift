package import CairnModel

/// Why ObjectService did not do what it was asked. Each case has its own answer to a client.
package indirect enum ObjectError: Error, CustomStringConvertible {
  /// No storage node is active.
  case noActiveNode
  /// A write needs more replicas than there are nodes that take one now.
  case tooFewNodes(writable: Int, needed: Int)
  /// The disks' reserve is reached.
  case noSpace(String)
  /// The catalog, or the nodes that hold the object, can't be reached now.
  case unavailable(String)
  /// Too many uploads at once.
  case overloaded
  case tooLarge(limit: UInt64)
  /// The client's body could not be read to its end.
  case body(any Error)
  /// There is no upload with this id, or no longer.
  case noSuchUpload
  /// The body is not the one whose SHA-256 the client told.
  case changedOnTheWay
  /// The body is not the one whose checksum the client told; nil for its MD5.
  case badDigest(ChecksumAlgorithm?)
  /// The change may have been made all the same: the catalog did not answer, or nodes have the record and could not be
  /// told that it does not count. Why nobody knows.
  case outcomeUnknown(ObjectError)
  /// The name has a current version, or not the one that the client expects.
  case conditionFailed(current: StoredObject?)
  /// Every copy is damaged.
  case corrupt(String)
  case failed(String)

  package var description: String {
    switch self {
    case .noActiveNode: "no storage node is active"
    case .tooFewNodes(let writable, let needed): "\(writable) storage nodes take data, \(needed) are needed"
    case .noSpace(let reason): reason
    case .unavailable(let reason): reason
    case .overloaded: "too many uploads at once"
    case .tooLarge(let limit): "the body is larger than \(limit) bytes"
    case .body(let error): "\(error)"
    case .noSuchUpload: "there is no such upload, or no longer"
    case .changedOnTheWay: "the body's SHA-256 is not the one that its sender told"
    case .badDigest(let algorithm):
      "the body's \(algorithm.map { "\($0)" } ?? "MD5") is not the one that its sender told"
    case .outcomeUnknown(let cause): cause.description
    case .conditionFailed: "the name's current version is not the expected one"
    case .corrupt(let reason): reason
    case .failed(let reason): reason
    }
  }
}
