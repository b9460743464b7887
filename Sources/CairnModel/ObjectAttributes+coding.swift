package import NIOCore

extension ObjectAttributes {
  private enum Tag: UInt8 {
    case size = 1
    case contentType = 2
    case createdAt = 3
    case md5 = 4
    case sha256 = 5
    case layout = 6
    case originalFilename = 7
    case checksum = 40
    case assembly = 41
    case sharesChunks = 42
    case systemHeader = 8
    case userMetadata = 9
    case objectTag = 10
    case access = 11
    case storageClass = 12
  }

  /// The first tag that is not for attributes: head records keep bucket and key from here on.
  package static let reservedTags: UInt8 = 0xF0

  /// Appends the fields of these attributes.
  package func write(to writer: inout FieldWriter) {
    writer.field(Tag.size.rawValue, size)
    writer.field(Tag.contentType.rawValue, contentType)
    writer.field(Tag.createdAt.rawValue, createdAt.nanosecondsSinceEpoch)
    if let md5 { writer.field(Tag.md5.rawValue, md5.bytes) }
    if let sha256 { writer.field(Tag.sha256.rawValue, sha256.bytes) }
    writer.field(Tag.layout.rawValue, [layout.rawValue])
    if let originalFilename {
      writer.field(Tag.originalFilename.rawValue, originalFilename)
    }
    if let checksum { writer.field(Tag.checksum.rawValue, checksum.encoded) }
    if let assembly { writer.field(Tag.assembly.rawValue, assembly.encoded) }
    if sharesChunks { writer.field(Tag.sharesChunks.rawValue, [UInt8]()) }
    write(metadata, to: &writer)
    for attribute in unknown {
      writer.field(attribute.tag, attribute.value)
    }
  }

  private func write(_ metadata: ObjectMetadata, to writer: inout FieldWriter) {
    for (header, value) in metadata.headers.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
      writer.field(Tag.systemHeader.rawValue, [header.rawValue] + value.utf8)
    }
    for pair in metadata.user { writer.field(Tag.userMetadata.rawValue, pair.encoded) }
    for pair in metadata.tags { writer.field(Tag.objectTag.rawValue, pair.encoded) }
    if let access = metadata.access { writer.field(Tag.access.rawValue, [access.rawValue]) }
    if let storageClass = metadata.storageClass { writer.field(Tag.storageClass.rawValue, storageClass) }
  }

  /// Reads fields to the end of `buffer`.
  ///
  /// - Parameter other: gets each field with a tag of at least ``reservedTags``.
  package init(
    from buffer: inout ByteBuffer, other: (UInt8, ByteBuffer) throws(FormatError) -> Void = { _, _ in }
  ) throws(FormatError) {
    let what = "object attributes"
    var size: UInt64?
    var contentType: String?
    var createdAt: UInt64?
    var md5: Digest?
    var sha256: Digest?
    var layout: ObjectLayout?
    var originalFilename: String?
    var checksum: ObjectChecksum?
    var assembly: Assembly?
    var sharesChunks = false
    var metadata = ObjectMetadata()
    var unknown: [UnknownAttribute] = []
    while let field = try buffer.readField(of: what) {
      let tag = field.tag
      var value = field.value
      let complete: Bool
      switch Tag(rawValue: tag) {
      case .size:
        size = value.readInteger(endianness: .little)
        complete = size.map { $0 <= Limits.storedSizeMax } ?? false
      case .contentType:
        contentType = value.validatedString
        complete = contentType != nil
      case .createdAt:
        createdAt = value.readInteger(endianness: .little)
        complete = createdAt != nil
      case .md5:
        md5 = value.withUnsafeReadableBytes { Digest($0) }
        complete = md5?.bytes.count == 16
      case .sha256:
        sha256 = value.withUnsafeReadableBytes { Digest($0) }
        complete = sha256?.bytes.count == 32
      case .layout:
        layout = value.readInteger(as: UInt8.self).flatMap(ObjectLayout.init)
        complete = layout != nil
      case .originalFilename:
        originalFilename = value.validatedString
        complete = originalFilename != nil
      case .checksum:
        checksum = ObjectChecksum(encoded: value)
        complete = checksum != nil
      case .assembly:
        assembly = Assembly(encoded: value)
        complete = assembly != nil
      case .sharesChunks:
        sharesChunks = true
        complete = true
      case .systemHeader:
        let header = value.readInteger(as: UInt8.self).flatMap(ObjectMetadata.SystemHeader.init)
        // One that only a newer version of Cairn sends is kept as it is.
        if let header { metadata.headers[header] = value.validatedString } else { unknown.append(.init(field)) }
        complete = true
      case .userMetadata:
        let pair = ObjectMetadata.Pair(decoding: value)
        if let pair { metadata.user.append(pair) }
        complete = pair != nil
      case .objectTag:
        let pair = ObjectMetadata.Pair(decoding: value)
        if let pair { metadata.tags.append(pair) }
        complete = pair != nil
      case .access:
        metadata.access = value.readInteger(as: UInt8.self).flatMap(PublicAccess.init)
        complete = metadata.access != nil
      case .storageClass:
        metadata.storageClass = value.validatedString
        complete = metadata.storageClass != nil
      case nil:
        if tag >= Self.reservedTags {
          try other(tag, value)
        } else {
          unknown.append(.init(field))
        }
        complete = true
      }
      guard complete else { throw .badField(what: what, tag: tag) }
    }
    guard let size else { throw .missingField(what: what, name: "size") }
    guard let contentType else { throw .missingField(what: what, name: "content type") }
    guard let createdAt else { throw .missingField(what: what, name: "creation time") }
    guard md5 != nil || assembly != nil else { throw .missingField(what: what, name: "MD5") }
    guard let layout else { throw .missingField(what: what, name: "layout") }
    self.init(
      size: size, contentType: contentType, createdAt: Timestamp(nanosecondsSinceEpoch: createdAt), md5: md5,
      sha256: sha256, layout: layout, originalFilename: originalFilename, metadata: metadata)
    self.checksum = checksum
    self.assembly = assembly
    self.sharesChunks = sharesChunks
    self.unknown = unknown
  }
}

extension ObjectChecksum {
  /// Algorithm and kind, a byte each, and the value.
  package var encoded: [UInt8] { [algorithm.rawValue, kind.rawValue] + value.bytes }

  package init?(encoded buffer: ByteBuffer) {
    var buffer = buffer
    guard let algorithm = buffer.readInteger(as: UInt8.self).flatMap(ChecksumAlgorithm.init),
      let kind = buffer.readInteger(as: UInt8.self).flatMap(Kind.init), buffer.readableBytes == algorithm.length
    else { return nil }
    self.init(algorithm: algorithm, kind: kind, value: buffer.withUnsafeReadableBytes { Digest($0) })
  }
}

extension Assembly {
  private static let digestLength = 16

  /// Upload, number of parts, digest.
  fileprivate var encoded: [UInt8] {
    var writer = FieldWriter(capacity: 36)
    writer.write(upload)
    writer.write(partCount)
    return writer.bytes + digest.bytes
  }

  fileprivate init?(encoded buffer: ByteBuffer) {
    var buffer = buffer
    guard let upload = buffer.readBlobID(), let count = buffer.readInteger(endianness: .little, as: UInt32.self),
      buffer.readableBytes == Self.digestLength
    else { return nil }
    self.init(digest: buffer.withUnsafeReadableBytes { Digest($0) }, partCount: count, upload: upload)
  }
}

extension UnknownAttribute {
  fileprivate init(_ field: (tag: UInt8, value: ByteBuffer)) {
    self.init(tag: field.tag, value: Array(field.value.readableBytesView))
  }
}

extension ObjectMetadata.Pair {
  /// The length of the name in two bytes, the name, the value.
  fileprivate var encoded: [UInt8] {
    let length = UInt16(clamping: name.utf8.count)
    return [UInt8(truncatingIfNeeded: length), UInt8(length >> 8)] + name.utf8.prefix(Int(length)) + value.utf8
  }

  fileprivate init?(decoding buffer: ByteBuffer) {
    var buffer = buffer
    guard let length = buffer.readInteger(endianness: .little, as: UInt16.self),
      let name = buffer.readSlice(length: Int(length))?.validatedString, let value = buffer.validatedString
    else { return nil }
    self.init(name, value)
  }
}

extension StoredObject {
  private static let formatVersion: UInt8 = 1

  /// The object as a catalog keeps it: format version, place of the head record, attributes.
  package func encoded() -> ByteBuffer {
    var writer = FieldWriter(capacity: 224)
    writer.write(Self.formatVersion)
    writer.write(head)
    attributes.write(to: &writer)
    return writer.buffer
  }

  /// Reads what ``encoded()`` made.
  package init(decoding buffer: ByteBuffer) throws(FormatError) {
    var buffer = buffer
    guard let version = buffer.readInteger(as: UInt8.self) else { throw .truncated(what: "catalog entry") }
    guard version <= Self.formatVersion else {
      throw .newerVersion(what: "catalog entry", found: version, supported: Self.formatVersion)
    }
    guard let head = buffer.readLocation() else { throw .truncated(what: "catalog entry") }
    self.init(head: head, attributes: try ObjectAttributes(from: &buffer))
  }
}
