internal import CairnModel
internal import CairnNodeClient
internal import Crypto
internal import NIOCore
internal import NIOPosix

/// MD5 and SHA-256 of an object while its bytes pass.
///
/// Small pieces are hashed where they are; large ones on a thread, so that they hold no event loop up. Used by one
/// upload at a time, in order: ``update(with:on:)`` returns when the piece is in.
final class StreamHasher: @unchecked Sendable {
  /// Bytes that are hashed at once rather than handed to a thread, which costs more than hashing them.
  private static let inlineBytesMax = 64 << 10

  private var md5 = Insecure.MD5()
  private var sha256 = SHA256()

  func update(with bytes: ByteBuffer, on threads: NIOThreadPool) async {
    if bytes.readableBytes <= Self.inlineBytesMax { return update(with: bytes) }
    // The pool only refuses work when the process stops; then the thread doesn't matter.
    do { try await threads.runIfActive { self.update(with: bytes) } } catch { update(with: bytes) }
  }

  func finish() -> (md5: CairnModel.Digest, sha256: CairnModel.Digest) {
    (
      md5.finalize().withUnsafeBytes { CairnModel.Digest($0) },
      sha256.finalize().withUnsafeBytes { CairnModel.Digest($0) }
    )
  }

  private func update(with bytes: ByteBuffer) {
    bytes.withUnsafeReadableBytes {
      md5.update(bufferPointer: $0)
      sha256.update(bufferPointer: $0)
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

  func finish() -> (md5: CairnModel.Digest, sha256: CairnModel.Digest) { hasher.finish() }
}
