package import CairnModel
package import NIOCore

/// The bytes of an upload, as they arrive. Confined to the upload's task.
package struct BodySource: Sendable {
  /// Bytes that are expected, nil where the client did not say.
  package let length: UInt64?
  /// The next bytes, nil at the end.
  package let next: @Sendable () async throws -> ByteBuffer?
  /// The SHA-256 that its sender says it has, known at the end; nil where the sender doesn't say.
  package let sha256: @Sendable () throws -> Digest?
  /// What its sender sent after the bytes, names in lower case; known at the end.
  package let trailers: @Sendable () -> [ObjectMetadata.Pair]
  /// The MD5 that its sender says it has; nil where the sender doesn't say.
  package var md5: Digest?
  /// A checksum that is to be made of it; nil for none.
  package var checksum: BodyChecksum?

  package init(
    length: UInt64?, next: @escaping @Sendable () async throws -> ByteBuffer?,
    sha256: @escaping @Sendable () throws -> Digest? = { nil },
    trailers: @escaping @Sendable () -> [ObjectMetadata.Pair] = { [] }
  ) {
    self.length = length
    self.next = next
    self.sha256 = sha256
    self.trailers = trailers
  }

  /// All the bytes, for what is short.
  ///
  /// - Throws: ``ObjectError/tooLarge(limit:)``, and when what came is not what its sender says.
  package func collected(limit: Int) async throws(ObjectError) -> ByteBuffer {
    var collected = ByteBuffer()
    do {
      while let bytes = try await next() {
        guard collected.readableBytes + bytes.readableBytes <= limit else {
          throw ObjectError.tooLarge(limit: UInt64(limit))
        }
        collected.writeImmutableBuffer(bytes)
      }
    } catch let error as ObjectError {
      throw error
    } catch {
      throw .body(error)
    }
    let hasher = StreamHasher(checksum?.algorithm)
    hasher.update(with: collected)
    try verify(hasher.finish())
    return collected
  }

  /// - Throws: ``ObjectError/changedOnTheWay`` or ``ObjectError/badDigest(_:)`` when what came is not what its sender
  ///   says.
  func verify(_ found: StreamDigests) throws(ObjectError) {
    let told: Digest?
    let toldChecksum: Digest?
    do {
      told = try sha256()
      toldChecksum = try checksum?.told()
    } catch {
      throw .body(error)
    }
    guard told == nil || told == found.sha256 else { throw .changedOnTheWay }
    guard md5 == nil || md5 == found.md5 else { throw .badDigest(nil) }
    guard toldChecksum == nil || toldChecksum == found.checksum?.value else { throw .badDigest(checksum?.algorithm) }
  }
}

/// A checksum that is to be made of a body.
package struct BodyChecksum: Sendable {
  package var algorithm: ChecksumAlgorithm
  /// The one that its sender says it has, known at the end; nil where the sender doesn't say.
  package var told: @Sendable () throws -> Digest?

  package init(_ algorithm: ChecksumAlgorithm, told: @escaping @Sendable () throws -> Digest? = { nil }) {
    self.algorithm = algorithm
    self.told = told
  }
}

/// Cuts an upload into chunks.
struct ChunkReader {
  struct Chunk: Sendable {
    var bytes: ByteBuffer
    /// Nothing comes after it.
    var isLast: Bool
    /// What the chunk took of the budget, to be given back when it is stored.
    var budgetTaken: Int
  }

  /// Bytes that need no leave from the budget.
  private static let freeBytesMax = 64 << 10

  private let source: BodySource
  private let chunkSize: Int
  private let sizeMax: UInt64
  private let budget: ByteBudget
  private var rest = ByteBuffer()
  private(set) var size: UInt64 = 0

  init(source: BodySource, chunkSize: Int, sizeMax: UInt64, budget: ByteBudget) {
    self.source = source
    self.chunkSize = chunkSize
    self.sizeMax = sizeMax
    self.budget = budget
  }

  /// Reads until a chunk is full and it is known whether another one follows.
  mutating func next() async throws(ObjectError) -> Chunk {
    var chunk = Chunk(bytes: rest, isLast: false, budgetTaken: 0)
    rest = ByteBuffer()
    do throws(ObjectError) {
      while true {
        if chunk.bytes.readableBytes > chunkSize {
          // More than the chunk came: the rest starts the next one.
          var bytes = chunk.bytes
          chunk.bytes = bytes.readSlice(length: chunkSize) ?? bytes
          rest = bytes
          return chunk
        }
        guard let bytes = try await pull() else {
          chunk.isLast = true
          return chunk
        }
        try await add(bytes, to: &chunk)
        if rest.readableBytes > 0 { return chunk }
      }
    } catch {
      budget.giveBack(chunk.budgetTaken)
      throw error
    }
  }

  private mutating func pull() async throws(ObjectError) -> ByteBuffer? {
    let bytes: ByteBuffer?
    do { bytes = try await source.next() } catch { throw .body(error) }
    guard let bytes else { return nil }
    size += UInt64(bytes.readableBytes)
    guard size <= sizeMax else { throw .tooLarge(limit: sizeMax) }
    return bytes
  }

  private mutating func add(_ bytes: ByteBuffer, to chunk: inout Chunk) async throws(ObjectError) {
    if chunk.bytes.readableBytes == 0, bytes.readableBytes <= Self.freeBytesMax {
      // A small body that came in one piece is not copied.
      chunk.bytes = bytes
      return
    }
    if chunk.budgetTaken == 0, chunk.bytes.readableBytes + bytes.readableBytes > Self.freeBytesMax {
      guard await budget.take(chunkSize) else { throw .overloaded }
      chunk.budgetTaken = chunkSize
      let expected = source.length.map { Int(clamping: $0) } ?? chunkSize
      var grown = ByteBuffer()
      grown.reserveCapacity(min(chunkSize, max(expected, bytes.readableBytes)))
      grown.writeImmutableBuffer(chunk.bytes)
      chunk.bytes = grown
    }
    var bytes = bytes
    let room = chunkSize - chunk.bytes.readableBytes
    if let part = bytes.readSlice(length: min(room, bytes.readableBytes)) { chunk.bytes.writeImmutableBuffer(part) }
    rest = bytes
  }
}
