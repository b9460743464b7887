internal import CairnModel
internal import NIOCore

/// Work as catalogs keep it: format version, then fields. The key is kept beside it.
extension RepairWork {
  private static let formatVersion: UInt8 = 1
  private static let what = "repair work"

  private enum Tag: UInt8 {
    case kind = 1
    case payload = 2
  }

  func encoded() -> ByteBuffer {
    var writer = FieldWriter(capacity: 16 + kind.utf8.count + payload.count)
    writer.write(Self.formatVersion)
    writer.field(Tag.kind.rawValue, kind)
    writer.field(Tag.payload.rawValue, payload)
    return writer.buffer
  }

  init(key: String, decoding buffer: ByteBuffer) throws(FormatError) {
    var buffer = buffer
    guard let version = buffer.readInteger(as: UInt8.self) else { throw .truncated(what: Self.what) }
    guard version <= Self.formatVersion else {
      throw .newerVersion(what: Self.what, found: version, supported: Self.formatVersion)
    }
    self.init(key: key, kind: "", payload: [])
    while let field = try buffer.readField(of: Self.what) {
      switch Tag(rawValue: field.tag) {
      case .kind:
        guard let kind = field.value.validatedString else { throw .badField(what: Self.what, tag: field.tag) }
        self.kind = kind
      case .payload: payload = Array(field.value.readableBytesView)
      case nil: continue
      }
    }
  }

  init(key: ByteBuffer, catalogEntry bytes: ByteBuffer) throws(CatalogError) {
    do throws(FormatError) {
      try self.init(key: String(buffer: key), decoding: bytes)
    } catch {
      throw .format(error)
    }
  }
}
