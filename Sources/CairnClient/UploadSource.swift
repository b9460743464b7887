internal import CLinux
internal import Glibc
package import NIOCore
package import NIOPosix

/// What is uploaded.
package protocol UploadSource: Sendable {
  /// Whether its bytes can be had from the start again.
  var canRestart: Bool { get }
  /// Starts to read.
  func open(_ threads: NIOThreadPool) throws(ClientError) -> UploadBody
}

/// A regular file.
package struct FileSource: UploadSource {
  package let path: String
  package let canRestart = true

  package init(_ path: String) {
    self.path = path
  }

  package func open(_ threads: NIOThreadPool) throws(ClientError) -> UploadBody {
    let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw .local("\(BlobClient.quoted(path)): \(systemReason())") }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      Glibc.close(descriptor)
      throw .local("\(BlobClient.quoted(path)) is not a regular file: give a file, a folder, or - for standard input")
    }
    return UploadBody(descriptor, closes: true, what: path, size: UInt64(status.st_size), threads)
  }
}

/// A descriptor that can be read once, such as a pipe on standard input.
package struct StreamSource: UploadSource {
  private let descriptor: Int32
  package let canRestart = false

  package init(_ descriptor: Int32) {
    self.descriptor = descriptor
  }

  package func open(_ threads: NIOThreadPool) -> UploadBody {
    UploadBody(descriptor, closes: false, what: "standard input", size: nil, threads)
  }
}

/// Bytes in memory.
package struct BytesSource: UploadSource {
  private let bytes: ByteBuffer
  package let canRestart = true

  package init(_ bytes: ByteBuffer) {
    self.bytes = bytes
  }

  package func open(_ threads: NIOThreadPool) -> UploadBody {
    UploadBody(bytes, threads)
  }
}

/// The bytes of one try of an upload, with their checksums as far as they were read. Confined to the upload's task.
package final class UploadBody: @unchecked Sendable {
  /// Bytes read at once.
  private static let pieceLength = 512 << 10

  private let descriptor: Int32?
  private let closes: Bool
  private let what: String
  private let size: UInt64?
  private let threads: NIOThreadPool
  private var ready: ByteBuffer?
  private var digest = TransferDigest()
  private(set) var count: UInt64 = 0

  /// - Parameter size: bytes that a file had when it was opened; a change meanwhile is an error.
  init(_ descriptor: Int32, closes: Bool, what: String, size: UInt64?, _ threads: NIOThreadPool) {
    self.descriptor = descriptor
    self.closes = closes
    self.what = what
    self.size = size
    self.threads = threads
  }

  init(_ bytes: ByteBuffer, _ threads: NIOThreadPool) {
    descriptor = nil
    closes = false
    what = "memory"
    size = UInt64(bytes.readableBytes)
    ready = bytes
    self.threads = threads
  }

  deinit {
    if let descriptor, closes { close(descriptor) }
  }

  /// Of all bytes that were read.
  var sums: Checksums { digest.sums }

  func next() async throws(ClientError) -> ByteBuffer? {
    try await threads.blocking { () throws(ClientError) in try self.read() }
  }

  private func read() throws(ClientError) -> ByteBuffer? {
    var piece = ready ?? ByteBuffer()
    ready = nil
    if let descriptor {
      piece.reserveCapacity(Self.pieceLength)
      // A pipe gives less at a time than goes out well.
      while piece.writableBytes > 0 {
        let got = piece.writeWithUnsafeMutableBytes(minimumWritableBytes: 1) { room in
          var result: Int
          repeat { result = Glibc.read(descriptor, room.baseAddress, room.count) } while result < 0 && errno == EINTR
          failure = result < 0 ? errno : 0
          return max(result, 0)
        }
        guard failure == 0 else { throw .local("\(BlobClient.quoted(what)): \(systemReason(failure))") }
        if got == 0 { break }
      }
    }
    count += UInt64(piece.readableBytes)
    piece.withUnsafeReadableBytes { digest.update($0) }
    if let size, count > size || (piece.readableBytes == 0 && count < size) {
      throw .changedWhileRead(what)
    }
    return piece.readableBytes > 0 ? piece : nil
  }

  private var failure: Int32 = 0
}

/// What the system says of its last failure, as people read it.
func systemReason(_ code: Int32 = errno) -> String { String(cString: strerror(code)) }

extension BlobClient {
  /// The checksums of a local file.
  package func checksums(of path: String) async throws(ClientError) -> Checksums {
    let body = try FileSource(path).open(threads)
    while try await body.next() != nil {}
    return body.sums
  }
}
