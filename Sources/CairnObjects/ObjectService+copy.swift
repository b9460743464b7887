package import CairnModel
internal import CairnNodeClient
internal import NIOCore

extension ObjectService {
  /// Stores the bytes of an object under another name too. The two share nothing, so each may go without the other.
  ///
  /// - Parameters:
  ///   - sourceName: the source's name.
  ///   - source: a version that is read to its end even where its name gets another one meanwhile.
  ///   - description: what the copy is called and labelled; nil for the same as the source, with the operator's factor.
  ///   - algorithm: of the copy's checksum; nil for that of the source.
  /// - Throws: ``ObjectError/corrupt(_:)`` when what was read is not what was stored.
  package func copy(
    _ source: StoredObject, of sourceName: ObjectName, to name: ObjectName, as description: UploadDescription? = nil,
    checksum algorithm: ChecksumAlgorithm? = nil, onConflict rule: ConflictRule
  ) async throws(ObjectError) -> PutResult {
    let description = description ?? UploadDescription(source.attributes)
    var body = try await body(of: source, named: sourceName, range: 0..<source.attributes.size)
    body.checksum = (algorithm ?? source.attributes.checksum?.algorithm).map { BodyChecksum($0) }
    do throws(ObjectError) {
      return try await put(name, body, description, onConflict: rule)
    } catch .changedOnTheWay {
      throw .corrupt("what was read for a copy is not what was stored")
    }
  }

  /// Bytes of an object to be pulled, a chunk at a time.
  func body(
    of object: StoredObject, named name: ObjectName, range: Range<UInt64>
  ) async throws(ObjectError) -> BodySource {
    let isWhole = UInt64(range.count) == object.attributes.size
    let parts: [Range<UInt64>]
    let manifest: Manifest?
    switch object.attributes.layout {
    case .inline:
      manifest = nil
      parts = [range]
    case .manifest:
      let found = try await self.manifest(of: object, named: name)
      var end: UInt64 = 0
      parts = found.chunks.map { chunk in
        defer { end += UInt64(chunk.length) }
        return range.clamped(to: end..<end + UInt64(chunk.length))
      }.filter { !$0.isEmpty }
      manifest = found
    }
    let position = Position()
    return BodySource(
      length: UInt64(range.count),
      next: {
        guard position.next < parts.count else { return nil }
        let part = parts[position.next]
        position.next += 1
        let bytes = ByteCollector(limit: part.count)
        let content =
          if let manifest { try await self.content(of: manifest, range: part) } else {
            try await self.content(of: object, named: name, range: isWhole ? nil : part)
          }
        try await content.write(to: bytes)
        return bytes.collected
      },
      sha256: { isWhole ? object.attributes.sha256 : nil })
  }
}

extension UploadDescription {
  /// Of an object that is there.
  package init(_ attributes: ObjectAttributes, replicas: Int? = nil) {
    self.init(
      contentType: attributes.contentType, originalFilename: attributes.originalFilename, replicas: replicas,
      metadata: attributes.metadata)
  }
}

/// Where a reader stands. Confined to the task that reads.
private final class Position: @unchecked Sendable {
  var next = 0
}
