package import CairnModel
package import NIOCore
internal import NIOPosix

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
  /// Whose share of the memory for uploads it uses; asked only for bodies that need some.
  package let client: @Sendable () -> BudgetClient
  /// The MD5 that its sender says it has; nil where the sender doesn't say.
  package var md5: Digest?
  /// A checksum that is to be made of it; nil for none.
  package var checksum: BodyChecksum?

  package init(
    length: UInt64?, next: @escaping @Sendable () async throws -> ByteBuffer?,
    sha256: @escaping @Sendable () throws -> Digest? = { nil },
    trailers: @escaping @Sendable () -> [ObjectMetadata.Pair] = { [] },
    client: @escaping @Sendable () -> BudgetClient = { .server }
  ) {
    self.length = length
    self.next = next
    self.sha256 = sha256
    self.trailers = trailers
    self.client = client
  }

  /// All the bytes, hashed on a thread where they are many.
  ///
  /// - Throws: ``ObjectError/tooLarge(limit:)``, and when what came is not what its sender says.
  func collected(limit: Int, on threads: NIOThreadPool) async throws(ObjectError) -> ByteBuffer {
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
    await hasher.update(with: collected, on: threads)
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
