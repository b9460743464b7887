internal import CairnModel
internal import CairnNodeClient
internal import Crypto
internal import NIOCore
internal import NIOPosix

/// What was reckoned of bytes while they passed.
struct StreamDigests: Sendable {
  let md5: CairnModel.Digest
  let sha256: CairnModel.Digest
  /// Where one was asked for.
  let checksum: ObjectChecksum?
}

/// MD5, SHA-256 and perhaps a checksum of an object while its bytes pass.
///
/// Small pieces are hashed where they are; large ones on a thread, so that they hold no event loop up. Used by one
/// upload at a time, in order: ``update(with:on:)`` returns when the piece is in.
final class StreamHasher: @unchecked Sendable {
  /// Bytes that are hashed at once rather than handed to a thread, which costs more than hashing them.
  private static let inlineBytesMax = 64 << 10

  private var md5 = Insecure.MD5()
  private var sha256 = SHA256()
  /// nil also where it is the SHA-256.
  private var checksum: ChecksumHasher?
  private let algorithm: ChecksumAlgorithm?

  init(_ algorithm: ChecksumAlgorithm? = nil) {
    self.algorithm = algorithm
    checksum = algorithm.flatMap { $0 == .sha256 ? nil : ChecksumHasher($0) }
  }

  func update(with bytes: ByteBuffer, on threads: NIOThreadPool) async {
    if bytes.readableBytes <= Self.inlineBytesMax { return update(with: bytes) }
    // The pool only refuses work when the process stops; then the thread doesn't matter.
    do { try await threads.runIfActive { self.update(with: bytes) } } catch { update(with: bytes) }
  }

  func finish() -> StreamDigests {
    let sha256 = sha256.finalize().withUnsafeBytes { CairnModel.Digest($0) }
    return StreamDigests(
      md5: md5.finalize().withUnsafeBytes { CairnModel.Digest($0) }, sha256: sha256,
      checksum: algorithm.map { ObjectChecksum(algorithm: $0, value: checksum?.value ?? sha256) })
  }

  /// Hashes it where the caller is.
  func update(with bytes: ByteBuffer) {
    bytes.withUnsafeReadableBytes {
      md5.update(bufferPointer: $0)
      sha256.update(bufferPointer: $0)
      checksum?.update($0)
    }
  }
}

/// Hashes what is written to it.
final class HashingSink: ByteSink {
  private let hasher = StreamHasher()
  private let threads: NIOThreadPool

  init(_ threads: NIOThreadPool) {
    self.threads = threads
  }

  func write(_ bytes: ByteBuffer) async throws {
    await hasher.update(with: bytes, on: threads)
  }

  func finish() -> StreamDigests { hasher.finish() }
}
