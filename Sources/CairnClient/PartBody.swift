internal import CLinux
internal import CairnModel
internal import Crypto
internal import Glibc
internal import NIOCore
internal import NIOPosix

/// A file that is uploaded in parts. Its descriptor is only read at given offsets.
final class PartedFile: Sendable {
  let path: String
  let size: UInt64
  /// Changes with the file.
  let identity: String
  fileprivate let descriptor: Int32

  init(_ path: String) throws(ClientError) {
    self.path = path
    descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw .local("\(BlobClient.quoted(path)): \(systemReason())") }
    guard let status = Self.status(descriptor) else { throw .local("\(BlobClient.quoted(path)): \(systemReason())") }
    size = UInt64(status.st_size)
    identity = Self.identity(status)
  }

  deinit {
    close(descriptor)
  }

  /// Whether it is what it was when it was opened.
  var isUnchanged: Bool { Self.status(descriptor).map(Self.identity) == identity }

  /// Offsets of the parts.
  ///
  /// - Parameter partSize: wanted; more for a file that would have too many parts.
  func parts(of partSize: UInt64) -> [Range<UInt64>] {
    let countMax: UInt64 = 10_000
    let length = max(partSize, (size + countMax - 1) / countMax, 1)
    return stride(from: 0, to: size, by: Int(clamping: length)).map { $0..<min($0 + length, size) }
  }

  private static func status(_ descriptor: Int32) -> stat? {
    var status = stat()
    return fstat(descriptor, &status) == 0 ? status : nil
  }

  private static func identity(_ status: stat) -> String {
    "\(status.st_dev) \(status.st_ino) \(status.st_size) \(status.st_mtim.tv_sec) \(status.st_mtim.tv_nsec)"
  }
}

/// The bytes of one try of a part, hashed as a part and as a continuation of the whole. Confined to its task.
final class PartBody: @unchecked Sendable {
  private static let pieceLength: UInt64 = 512 << 10

  private let file: PartedFile
  private var rest: Range<UInt64>
  private let threads: NIOThreadPool
  private var digest = SHA256()
  /// Of the file up to the last byte that was read.
  private(set) var whole: TransferDigest

  /// - Parameter whole: of all before the part.
  init(_ file: PartedFile, _ range: Range<UInt64>, after whole: TransferDigest, _ threads: NIOThreadPool) {
    self.file = file
    rest = range
    self.whole = whole
    self.threads = threads
  }

  /// Of the part.
  var sha256: String { hexadecimalString(Array(digest.finalize())) }

  func next() async throws(ClientError) -> ByteBuffer? {
    guard !rest.isEmpty else { return nil }
    return try await threads.blocking { () throws(ClientError) in try self.read() }
  }

  /// Reads all of it, for its sums only.
  func readAll() async throws(ClientError) {
    while try await next() != nil {}
  }

  private func read() throws(ClientError) -> ByteBuffer {
    let wanted = Int(min(Self.pieceLength, UInt64(rest.count)))
    var piece = ByteBuffer()
    piece.reserveCapacity(wanted)
    var failure: Int32 = 0
    while piece.readableBytes < wanted {
      let offset = rest.lowerBound + UInt64(piece.readableBytes)
      let left = wanted - piece.readableBytes
      let got = piece.writeWithUnsafeMutableBytes(minimumWritableBytes: left) { room in
        var result: Int
        repeat {
          result = pread(file.descriptor, room.baseAddress, left, off_t(offset))
        } while result < 0
          && errno == EINTR
        failure = result < 0 ? errno : 0
        return max(result, 0)
      }
      guard failure == 0 else { throw .local("\(BlobClient.quoted(file.path)): \(systemReason(failure))") }
      guard got > 0 else { throw .changedWhileRead(file.path) }
    }
    rest = rest.lowerBound + UInt64(wanted)..<rest.upperBound
    piece.withUnsafeReadableBytes {
      digest.update(bufferPointer: $0)
      whole.update($0)
    }
    return piece
  }
}

extension ClientError {
  static func changedWhileRead(_ path: String) -> ClientError {
    .local("\(BlobClient.quoted(path)) changed while it was read, nothing was stored: run the command again")
  }
}
