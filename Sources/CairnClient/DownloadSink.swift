internal import CairnModel
internal import Crypto
internal import Foundation
internal import Glibc
internal import NIOCore
internal import NIOPosix

/// Where the bytes of a download go, with their checksums. Confined to the download's task.
protocol DownloadSink: AnyObject, Sendable {
  /// Bytes that it has.
  var count: UInt64 { get }
  var sums: Checksums { get }
  /// Whether what it has can be dropped.
  var canRestart: Bool { get }
  func append(_ bytes: ByteBuffer) async throws(ClientError)
  func restart() throws(ClientError)
}

/// A file under a temporary name, which gets its own when it is complete and verified.
///
/// The temporary name follows from the version that is downloaded, so that another process goes on where one was killed.
final class PartFile: DownloadSink, @unchecked Sendable {
  static let prefix = ".cairn-"
  static let suffix = ".part"

  let path: String
  private let final: String
  private let files: TemporaryFiles
  private let threads: NIOThreadPool
  private let descriptor: Int32
  private(set) var count: UInt64 = 0
  private var digest = TransferDigest()
  private(set) var isResumed = false
  private var isSettled = false

  /// Opens what an interrupted download has left, or a new file.
  init(for file: RemoteFile, to final: String, _ files: TemporaryFiles, _ threads: NIOThreadPool) throws(ClientError) {
    let slash = final.lastIndex(of: "/")
    let folder = slash.map { String(final[...$0]) } ?? ""
    let identity = SHA256.hash(data: Data("\(file.etag)\u{0}\(file.name)\u{0}\(final)".utf8))
    path = folder + Self.prefix + hexadecimalString(Array(identity.prefix(8))) + Self.suffix
    self.final = final
    self.files = files
    self.threads = threads
    let path = path
    descriptor = try files.add(path) { () throws(ClientError) in
      let descriptor = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0o666)
      guard descriptor >= 0 else { throw .local("\(BlobClient.quoted(final)) can't be written: \(systemReason())") }
      guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
        close(descriptor)
        throw .local("\(BlobClient.quoted(final)) is being downloaded by another process: wait for it, or stop it")
      }
      return descriptor
    }
  }

  deinit {
    close(descriptor)
  }

  var sums: Checksums { digest.sums }
  let canRestart = true

  /// Takes in what is there already.
  ///
  /// - Parameter size: of the whole file; more than that is no part of it.
  func resume(size: UInt64) async throws(ClientError) {
    try await threads.blocking { () throws(ClientError) in try self.digestPresent(size) }
  }

  private func digestPresent(_ size: UInt64) throws(ClientError) {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw .local("\(BlobClient.quoted(path)): \(systemReason())") }
    guard status.st_size > 0, UInt64(status.st_size) <= size else { return try restart() }
    isResumed = true
    var buffer = [UInt8](repeating: 0, count: 1 << 20)
    while true {
      let got = buffer.withUnsafeMutableBytes { pread(descriptor, $0.baseAddress, $0.count, off_t(count)) }
      guard got >= 0 else { throw .local("\(BlobClient.quoted(path)): \(systemReason())") }
      guard got > 0 else { return }
      buffer.withUnsafeBytes { digest.update(UnsafeRawBufferPointer(rebasing: $0[..<got])) }
      count += UInt64(got)
    }
  }

  func append(_ bytes: ByteBuffer) async throws(ClientError) {
    try await threads.blocking { () throws(ClientError) in try self.write(bytes) }
  }

  private func write(_ bytes: ByteBuffer) throws(ClientError) {
    let start = count
    try writeAll(bytes, &digest, "\(BlobClient.quoted(final)) can't be written") { rest, done in
      pwrite(descriptor, rest.baseAddress, rest.count, off_t(start) + off_t(done))
    }
    count += UInt64(bytes.readableBytes)
  }

  func restart() throws(ClientError) {
    guard ftruncate(descriptor, 0) == 0 else { throw .local("\(BlobClient.quoted(path)): \(systemReason())") }
    count = 0
    digest = TransferDigest()
    isResumed = false
  }

  /// Gives the file its name.
  func complete() throws(ClientError) {
    isSettled = true
    try files.remove(path) { () throws(ClientError) in
      guard rename(path, final) == 0 else {
        let reason = systemReason()
        unlink(path)
        throw .local("\(BlobClient.quoted(final)) can't be written: \(reason)")
      }
    }
  }

  /// Leaves the part for the next try of the command, or nothing at all.
  func giveUp(keepsPart: Bool) {
    guard !isSettled else { return }
    isSettled = true
    try? files.remove(path) { if !keepsPart || count == 0 { unlink(path) } }
  }
}

/// A descriptor that takes what comes and gives nothing back, such as standard output.
final class StreamSink: DownloadSink, @unchecked Sendable {
  private let descriptor: Int32
  private let threads: NIOThreadPool
  private(set) var count: UInt64 = 0
  private var digest = TransferDigest()
  let canRestart = false

  init(_ descriptor: Int32, _ threads: NIOThreadPool) {
    self.descriptor = descriptor
    self.threads = threads
  }

  var sums: Checksums { digest.sums }

  func append(_ bytes: ByteBuffer) async throws(ClientError) {
    try await threads.blocking { () throws(ClientError) in try self.write(bytes) }
  }

  private func write(_ bytes: ByteBuffer) throws(ClientError) {
    try writeAll(bytes, &digest, "standard output can't be written") { rest, _ in
      Glibc.write(descriptor, rest.baseAddress, rest.count)
    }
    count += UInt64(bytes.readableBytes)
  }

  func restart() throws(ClientError) {
    guard count == 0 else { throw .changed("the file was replaced while a part of it was out already: start again") }
  }
}

/// Writes with as many system calls as it takes, and hashes what was written.
///
/// - Parameters:
///   - failure: what could not be done, for people.
///   - call: writes some of the rest, of whose whole so many bytes are done; returns as `write(2)` does.
private func writeAll(
  _ bytes: ByteBuffer, _ digest: inout TransferDigest, _ failure: String,
  _ call: (_ rest: UnsafeRawBufferPointer, _ done: Int) -> Int
) throws(ClientError) {
  let error = bytes.withUnsafeReadableBytes { bytes -> ClientError? in
    var done = 0
    while done < bytes.count {
      let written = call(UnsafeRawBufferPointer(rebasing: bytes[done...]), done)
      if written < 0, errno == EINTR { continue }
      guard written > 0 else { return .local("\(failure): \(systemReason())") }
      done += written
    }
    digest.update(bytes)
    return nil
  }
  if let error { throw error }
}
