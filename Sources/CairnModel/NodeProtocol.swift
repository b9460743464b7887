/// What coordinators and nodes say to each other over HTTP; both sides take the words from here.
///
/// ```
/// PUT  /volumes/{volume}               create a volume; doing it twice is no error
/// POST /volumes/{volume}/records       append the record in the body; doing it twice is no error
/// GET  /volumes/{volume}/blobs/{blob}  the payload of a record, whole or a range
/// POST /volumes/{volume}/seal          take no more appends
/// ```
package enum NodeProtocol {
  /// The node that the request is meant for; a node with another id answers 421.
  package static let nodeHeader = "X-Cairn-Node"
  /// ``NodeRefusal`` in an answer that is an error.
  package static let refusalHeader = "X-Cairn-Refusal"
  /// CRC-32C of the whole payload, in hexadecimal digits.
  package static let checksumHeader = "X-Cairn-Crc32c"

  package static func volumePath(_ volume: VolumeID) -> String { "/volumes/\(volume)" }
  package static func recordsPath(_ volume: VolumeID) -> String { "/volumes/\(volume)/records" }
  package static func sealPath(_ volume: VolumeID) -> String { "/volumes/\(volume)/seal" }
  package static func blobPath(_ location: BlobLocation) -> String {
    "/volumes/\(location.volume)/blobs/\(location.blob)"
  }
}

/// Why a node did not do what a coordinator asked, in a form that the coordinator acts on.
package enum NodeRefusal: String, Sendable {
  /// The volume takes no more appends, for good: use another one.
  case volumeClosed = "volume-closed"
  /// The node doesn't have the volume.
  case volumeUnknown = "volume-unknown"
  /// The disk reserve is reached: use another node.
  case readOnly = "read-only"
  /// The node has the volume, and no such blob in it.
  case blobUnknown = "blob-unknown"
  /// The record on this node is damaged.
  case corrupt = "corrupt"
  /// The node is someone else.
  case wrongNode = "wrong-node"
  /// The cluster token is missing, wrong or too old.
  case unauthorized = "unauthorized"
  /// The request makes no sense.
  case malformed = "malformed"
  /// A disk operation failed.
  case failed = "failed"
}
