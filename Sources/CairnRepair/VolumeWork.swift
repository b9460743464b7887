package import CairnCatalog
package import CairnCluster
package import CairnModel
internal import NIOCore

/// What a worker does to the replicas of one volume.
///
/// All work that changes a volume's replicas has the same key, so that it is done one after the other, and never by two
/// workers at once.
package enum VolumeWork: Hashable, Sendable {
  /// Copy the volume to a node, and put that in the place of another one in its list; nil where the list grows.
  case replicate(VolumeID, to: NodeID, replacing: NodeID?)
  /// Make all replicas that the volume lacks, on these nodes as far as they take them, else on others.
  case complete(VolumeID, on: [NodeID])
  /// Take a node off the list of a volume that has enough replicas without it, and delete its replica.
  case retire(VolumeID, from: NodeID)
  /// Delete a replica on a node that is not in the volume's list.
  case drop(VolumeID, from: NodeID)
  /// Put intact records in the place of those that are damaged or missing on any replica.
  case mend(VolumeID)
  /// Compare the replicas of a sealed volume; if they differ they are mended after that.
  case compare(VolumeID)
  /// Read a replica whole and verify it; what is damaged is mended after that.
  case scrub(VolumeID, on: NodeID)

  private enum Kind: String {
    case replicate, complete, retire, drop, mend, compare, scrub
  }

  package init(_ task: RepairTask) {
    switch task {
    case .replicate(let volume, _, let target, let replaced): self = .replicate(volume, to: target, replacing: replaced)
    case .retire(let volume, let node): self = .retire(volume, from: node)
    }
  }

  package var volume: VolumeID {
    switch self {
    case .replicate(let volume, _, _), .complete(let volume, _), .retire(let volume, _), .drop(let volume, _),
      .mend(let volume), .compare(let volume), .scrub(let volume, _):
      volume
    }
  }

  /// The one node whose replica is made, read or deleted; nil where the work chooses.
  var node: NodeID? {
    switch self {
    case .replicate(_, let node, _), .retire(_, let node), .drop(_, let node), .scrub(_, let node): node
    case .complete, .mend, .compare: nil
    }
  }

  /// The nodes that are to get a replica.
  var targets: [NodeID] {
    switch self {
    case .replicate(_, let node, _): [node]
    case .complete(_, let nodes): nodes
    case .retire, .drop, .mend, .compare, .scrub: []
    }
  }

  var isCompletion: Bool {
    if case .complete = self { true } else { false }
  }

  /// Whether it changes replicas, so that no other such work on the volume can be queued. Reading has keys of its own,
  /// and somebody may wait for it.
  var isAlone: Bool {
    switch self {
    case .replicate, .complete, .retire, .drop, .mend: true
    case .compare, .scrub: false
    }
  }

  // MARK: As the queue keeps it

  private static let volumeTag: UInt8 = 1
  private static let nodeTag: UInt8 = 2
  private static let replacedTag: UInt8 = 3
  private static let what = "work on a volume"

  package var queued: RepairWork {
    var writer = FieldWriter(capacity: 96)
    writer.field(Self.volumeTag, volume.rawValue)
    let kind: Kind
    switch self {
    case .replicate(_, let target, let replaced):
      kind = .replicate
      writer.field(Self.nodeTag, target.description)
      if let replaced { writer.field(Self.replacedTag, replaced.description) }
    case .complete(_, let targets):
      kind = .complete
      for target in targets { writer.field(Self.nodeTag, target.description) }
    case .retire(_, let node):
      kind = .retire
      writer.field(Self.nodeTag, node.description)
    case .drop(_, let node):
      kind = .drop
      writer.field(Self.nodeTag, node.description)
    case .mend: kind = .mend
    case .compare: kind = .compare
    case .scrub(_, let node):
      kind = .scrub
      writer.field(Self.nodeTag, node.description)
    }
    return RepairWork(key: key, kind: kind.rawValue, payload: writer.bytes)
  }

  private var key: String {
    switch self {
    case .replicate, .complete, .retire, .drop, .mend: "volume/\(volume)"
    case .compare: "compare/\(volume)"
    case .scrub(_, let node): "scrub/\(volume)/\(node)"
    }
  }

  package init(_ work: RepairWork) throws(FormatError) {
    var bytes = ByteBuffer(bytes: work.payload)
    var volume: VolumeID?
    var nodes: [NodeID] = []
    var replaced: NodeID?
    while var field = try bytes.readField(of: Self.what) {
      switch field.tag {
      case Self.volumeTag: volume = field.value.readInteger(endianness: .little).map(VolumeID.init(rawValue:))
      case Self.nodeTag: if let node = field.value.validatedString.flatMap({ NodeID($0) }) { nodes.append(node) }
      case Self.replacedTag: replaced = field.value.validatedString.flatMap { NodeID($0) }
      default: continue
      }
    }
    guard let volume else { throw .missingField(what: Self.what, name: "volume") }
    func node() throws(FormatError) -> NodeID {
      guard let node = nodes.first else { throw .missingField(what: Self.what, name: "node") }
      return node
    }
    switch Kind(rawValue: work.kind) {
    case .replicate: self = .replicate(volume, to: try node(), replacing: replaced)
    case .complete: self = .complete(volume, on: nodes)
    case .retire: self = .retire(volume, from: try node())
    case .drop: self = .drop(volume, from: try node())
    case .mend: self = .mend(volume)
    case .compare: self = .compare(volume)
    case .scrub: self = .scrub(volume, on: try node())
    case nil: throw .badField(what: "\(Self.what) of kind '\(work.kind)'", tag: 0)
    }
  }
}
