internal import CairnModel
internal import NIOCore

/// A volume as catalogs keep it: format version, then the nodes and the wanted number of replicas as fields. The state
/// is kept beside it, where it can change without reading the rest.
extension Volume {
  private static let formatVersion: UInt8 = 1
  private static let nodeTag: UInt8 = 1
  private static let replicasWantedTag: UInt8 = 2
  private static let what = "volume"

  func encoded() -> ByteBuffer {
    var writer = FieldWriter(capacity: 16 + nodes.count * 40)
    writer.write(Self.formatVersion)
    for node in nodes { writer.field(Self.nodeTag, node.description) }
    writer.field(Self.replicasWantedTag, UInt64(replicasWanted))
    return writer.buffer
  }

  init(id: VolumeID, decoding buffer: ByteBuffer, state: State) throws(FormatError) {
    var buffer = buffer
    guard let version = buffer.readInteger(as: UInt8.self) else { throw .truncated(what: Self.what) }
    guard version <= Self.formatVersion else {
      throw .newerVersion(what: Self.what, found: version, supported: Self.formatVersion)
    }
    var nodes: [NodeID] = []
    var replicasWanted: Int?
    while let field = try buffer.readField(of: Self.what) {
      switch field.tag {
      case Self.nodeTag:
        guard let node = field.value.validatedString.flatMap({ NodeID($0) }) else {
          throw .badField(what: Self.what, tag: field.tag)
        }
        nodes.append(node)
      case Self.replicasWantedTag:
        var value = field.value
        guard let count = value.readInteger(endianness: .little, as: UInt64.self) else {
          throw .badField(what: Self.what, tag: field.tag)
        }
        replicasWanted = Int(clamping: count)
      default: continue
      }
    }
    self.init(id: id, nodes: nodes, replicasWanted: replicasWanted, state: state)
  }
}
