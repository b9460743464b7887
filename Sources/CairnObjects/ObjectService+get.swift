package import CairnModel
package import CairnNodeClient
internal import Logging
internal import NIOCore

extension ObjectService {
  /// Bytes of a head record's payload, at most, that are read to find a manifest.
  private static let manifestBytesMax = Record.payloadLengthMax

  /// The bytes of an object, or a range of them.
  ///
  /// - Parameters:
  ///   - name: the object's name. The head record must have it too.
  ///   - range: within the object; nil for all.
  /// - Throws: ``ObjectError/corrupt(_:)`` where the head record is of another object.
  package func content(
    of object: StoredObject, named name: ObjectName, range: Range<UInt64>? = nil
  ) async throws(ObjectError) -> BlobContent {
    switch object.attributes.layout {
    case .inline:
      return try await reader.read(object.head, expecting: .head(name), range: range)
    case .manifest:
      return try await content(of: manifest(of: object, named: name), range: range ?? 0..<object.attributes.size)
    }
  }

  /// The blobs that an object is made of: its head record and its chunks.
  func blobs(of object: StoredObject, named name: ObjectName) async -> [BlobLocation] {
    guard object.attributes.layout == .manifest, !object.attributes.sharesChunks else { return [object.head] }
    do throws(ObjectError) {
      return try await manifest(of: object, named: name).chunks.map(\.location) + [object.head]
    } catch {
      logger.notice("garbage not found", metadata: ["blob": "\(object.head.blob)", "error": "\(error)"])
      return []
    }
  }

  /// - Parameter object: one that has a manifest.
  package func manifest(of object: StoredObject, named name: ObjectName) async throws(ObjectError) -> Manifest {
    let payload = try await payload(of: object, named: name)
    do throws(FormatError) { return try Manifest(decoding: payload) } catch { throw .corrupt("\(error)") }
  }

  /// What an object's head record holds besides its attributes: its bytes, or its manifest.
  func payload(of object: StoredObject, named name: ObjectName) async throws(ObjectError) -> ByteBuffer {
    let bytes = ByteCollector(limit: Self.manifestBytesMax)
    do {
      try await reader.read(object.head, expecting: .head(name), range: nil).write(to: bytes)
      return bytes.collected
    } catch let error as ObjectError {
      throw error
    } catch {
      throw .unavailable("the head record broke off: \(error)")
    }
  }

  /// Opens the first chunk at once: where no node has it, that can still be answered.
  func content(of manifest: Manifest, range: Range<UInt64>) async throws(ObjectError) -> BlobContent {
    var parts: [(location: BlobLocation, range: Range<UInt64>?)] = []
    var start: UInt64 = 0
    for chunk in manifest.chunks {
      let end = start + UInt64(chunk.length)
      let wanted = range.clamped(to: start..<end)
      if !wanted.isEmpty {
        let isWhole = wanted == start..<end
        parts.append((chunk.location, isWhole ? nil : wanted.lowerBound - start..<wanted.upperBound - start))
      }
      start = end
    }
    guard range.upperBound <= start else {
      throw .corrupt("the manifest has \(start) bytes, the object at least \(range.upperBound)")
    }
    guard let head = parts.first else { return .bytes(ByteBuffer()) }
    let first = try await reader.read(head.location, expecting: .chunk, range: head.range)
    let others = parts.dropFirst()
    return .stream(length: UInt64(range.count)) { sink in
      var content = first
      for next in others {
        // While one chunk goes out, the next one is found and verified.
        async let upcoming = reader.read(next.location, expecting: .chunk, range: next.range)
        try await content.write(to: sink)
        content = try await upcoming
      }
      try await content.write(to: sink)
    }
  }
}

/// Keeps what is written to it.
final class ByteCollector: ByteSink, @unchecked Sendable {
  struct TooLong: Error {}

  private let limit: Int
  private(set) var collected = ByteBuffer()

  init(limit: Int) {
    self.limit = limit
  }

  func write(_ bytes: ByteBuffer) async throws {
    guard collected.readableBytes + bytes.readableBytes <= limit else { throw TooLong() }
    collected.writeImmutableBuffer(bytes)
  }
}
