internal import CairnModel
internal import NIOCore

/// A node's report as catalogs keep it: format version, then fields. Binary, so that no JSON decoder is loaded for it.
extension NodeReport {
  private static let formatVersion: UInt8 = 1
  private static let what = "node report"

  private enum Tag: UInt8 {
    case node = 1
    case incarnation = 2
    case address = 3
    case port = 4
    case zone = 5
    case storagePath = 6
    case capacity = 7
    case available = 8
    case readOnly = 9
    case blobCount = 10
    case volumeCount = 11
    case damagedCount = 12

    var max: UInt64 {
      switch self {
      case .incarnation: .max
      case .port: UInt64(UInt16.max)
      default: Limits.nodeTotalMax
      }
    }
  }

  func encoded() -> ByteBuffer {
    var writer = FieldWriter(capacity: 256)
    writer.write(Self.formatVersion)
    writer.field(Tag.node.rawValue, node.description)
    writer.field(Tag.incarnation.rawValue, incarnation)
    writer.field(Tag.address.rawValue, address)
    writer.field(Tag.port.rawValue, UInt64(clamping: port))
    writer.field(Tag.zone.rawValue, zone)
    writer.field(Tag.storagePath.rawValue, storagePath)
    writer.field(Tag.capacity.rawValue, capacity)
    writer.field(Tag.available.rawValue, available)
    writer.field(Tag.readOnly.rawValue, UInt64(readOnly ? 1 : 0))
    writer.field(Tag.blobCount.rawValue, blobCount)
    writer.field(Tag.volumeCount.rawValue, UInt64(clamping: volumeCount))
    writer.field(Tag.damagedCount.rawValue, damagedCount)
    return writer.buffer
  }

  init(decoding buffer: ByteBuffer) throws(FormatError) {
    var buffer = buffer
    guard let version = buffer.readInteger(as: UInt8.self) else { throw .truncated(what: Self.what) }
    guard version <= Self.formatVersion else {
      throw .newerVersion(what: Self.what, found: version, supported: Self.formatVersion)
    }
    var texts: [Tag: String] = [:]
    var numbers: [Tag: UInt64] = [:]
    while let field = try buffer.readField(of: Self.what) {
      guard let tag = Tag(rawValue: field.tag) else { continue }
      switch tag {
      case .node, .address, .zone, .storagePath:
        guard let text = field.value.validatedString else { throw .badField(what: Self.what, tag: field.tag) }
        texts[tag] = text
      case .incarnation, .port, .capacity, .available, .readOnly, .blobCount, .volumeCount, .damagedCount:
        var value = field.value
        guard let number = value.readInteger(endianness: .little, as: UInt64.self) else {
          throw .badField(what: Self.what, tag: field.tag)
        }
        guard number <= tag.max else { throw .outOfRange(what: "\(tag) of a node", value: number, max: tag.max) }
        numbers[tag] = number
      }
    }
    guard let node = texts[.node].flatMap({ NodeID($0) }) else { throw .missingField(what: Self.what, name: "node") }
    guard let incarnation = numbers[.incarnation] else { throw .missingField(what: Self.what, name: "incarnation") }
    guard let address = texts[.address] else { throw .missingField(what: Self.what, name: "address") }
    guard let port = numbers[.port] else { throw .missingField(what: Self.what, name: "port") }
    self.init(
      node: node, incarnation: incarnation, address: address, port: Int(clamping: port), zone: texts[.zone] ?? "",
      storagePath: texts[.storagePath] ?? "", capacity: numbers[.capacity] ?? 0, available: numbers[.available] ?? 0,
      readOnly: numbers[.readOnly] == 1, blobCount: numbers[.blobCount] ?? 0,
      volumeCount: Int(clamping: numbers[.volumeCount] ?? 0), damagedCount: numbers[.damagedCount] ?? 0)
  }
}
