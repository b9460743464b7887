/// What coordinators and nodes say to each other over HTTP; both sides take the words from here.
///
/// ```
/// GET  /health                         which node it is; for everybody
/// PUT  /volumes/{volume}               create a volume; doing it twice is no error
/// POST /volumes/{volume}/records       append the record in the body; doing it twice is no error
/// GET  /volumes/{volume}/blobs/{blob}  the payload of a record, whole or a range
/// POST /volumes/{volume}/seal          take no more appends
/// GET  /volumes                        what replicas there are: frames of ReplicaSummary
/// GET  /volumes/{volume}/records       the intact records in log order, then RecordStreamEnd;
///                                      ?from=OFFSET, ?kinds=names leaves chunks out
/// GET  /volumes/{volume}/records/{blob} a whole record
/// DELETE /volumes/{volume}             delete the replica; doing it twice is no error
/// GET  /volumes/{volume}/digest        a frame of ReplicaDigest
/// GET  /volumes/{volume}/blobs         frames of ReplicaBlob, in order of the ids
/// PUT  /volumes/{volume}/blobs/{blob}  put the record in the body in the place of a damaged or missing one
/// POST /volumes/{volume}/scrub         read everything again: frames of ScrubReport's items;
///                                      ?rate=BYTES_A_SECOND
/// GET  /volumes/{volume}/damaged       frames of the ids of blobs that are known to be damaged
/// GET  /volumes/{volume}/garbage       frames of the ids of blobs that nothing refers to and that are still there
/// POST /volumes/{volume}/garbage       what the tombstone in the body names in this volume is garbage; it isn't kept
/// POST /volumes/{volume}/rewrite       leave out what is damaged, of a replica that lacks nothing: frames, no items
/// ```
/// Frames are ``AnswerFrame``s. Requests carry a token of ``NodeTokens``.
package enum NodeProtocol {
  /// The node that the request is meant for; a node with another id answers 421.
  package static let nodeHeader = "X-Cairn-Node"
  /// ``NodeRefusal`` in an answer that is an error.
  package static let refusalHeader = "X-Cairn-Refusal"
  /// CRC-32C of the whole payload, in hexadecimal digits.
  package static let checksumHeader = "X-Cairn-Crc32c"
  /// ``RecordOwner`` of the record whose payload an answer carries.
  package static let ownerHeader = "X-Cairn-Owner"

  /// Which node it is, for everybody.
  package static let healthPath = "/health"
  package static let volumesPath = "/volumes"
  /// Of a stream of records: where to begin in the log.
  package static let fromQuery = "from"
  /// Of a stream of records, instead: milliseconds since 1970, of the first record's id.
  package static let sinceQuery = "since"
  /// Of a stream of records: ``kindsNames``, or all when it is missing.
  package static let kindsQuery = "kinds"
  /// Heads and tombstones: what names mean.
  package static let kindsNames = "names"
  /// Of a scrub: bytes that are read in a second; 0 for no limit.
  package static let rateQuery = "rate"

  package static func volumePath(_ volume: VolumeID) -> String { "/volumes/\(volume)" }
  package static func recordsPath(_ volume: VolumeID) -> String { "/volumes/\(volume)/records" }
  package static func sealPath(_ volume: VolumeID) -> String { "/volumes/\(volume)/seal" }
  package static func blobPath(_ location: BlobLocation) -> String {
    "/volumes/\(location.volume)/blobs/\(location.blob)"
  }
  package static func recordPath(_ location: BlobLocation) -> String {
    "/volumes/\(location.volume)/records/\(location.blob)"
  }
  package static func digestPath(_ volume: VolumeID) -> String { "/volumes/\(volume)/digest" }
  package static func blobsPath(_ volume: VolumeID) -> String { "/volumes/\(volume)/blobs" }
  package static func scrubPath(_ volume: VolumeID) -> String { "/volumes/\(volume)/scrub" }
  package static func rewritePath(_ volume: VolumeID) -> String { "/volumes/\(volume)/rewrite" }
  package static func garbagePath(_ volume: VolumeID) -> String { "/volumes/\(volume)/garbage" }
  package static func damagedPath(_ volume: VolumeID) -> String { "/volumes/\(volume)/damaged" }
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
  /// The record is intact, but another one than was expected: whatever referred to it is damaged.
  case otherRecord = "other-record"
  /// The node is someone else.
  case wrongNode = "wrong-node"
  /// The cluster token is missing, wrong or too old.
  case unauthorized = "unauthorized"
  /// The request makes no sense.
  case malformed = "malformed"
  /// A disk operation failed.
  case failed = "failed"
}
