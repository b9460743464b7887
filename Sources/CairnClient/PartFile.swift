internal import CLinux
internal import CairnModel
internal import Crypto
internal import Foundation
internal import Glibc
internal import NIOCore
internal import NIOPosix

/// A file under a temporary name, which gets its own when it is complete and verified.
///
/// The temporary name follows from the version that is downloaded, so that another process goes on where one was killed.
final class PartFile: DownloadSink, @unchecked Sendable {
  private static let prefix: ByteText = ".cairn-"
  private static let suffix: ByteText = ".part"
  /// Bytes of the digest in a temporary name.
  private static let identityLength = 8

  private let part: FolderEntry
  private let place: DownloadPlace
  /// Permissions of the file that is replaced.
  private let mode: mode_t?
  private let files: TemporaryFiles
  private let threads: NIOThreadPool
  private let descriptor: Int32
  private(set) var count: UInt64 = 0
  private var digest = TransferDigest()
  private(set) var isResumed = false
  private var isSettled = false

  /// Opens what an interrupted download has left, or a new file.
  init(
    for file: RemoteFile, at place: DownloadPlace, _ files: TemporaryFiles, _ threads: NIOThreadPool
  ) throws(ClientError) {
    let identity = SHA256.hash(data: Data("\(file.etag)\u{0}\(file.name)\u{0}\(place.path)".utf8))
    let part = FolderEntry(folder: place.entry.folder, name: Self.name(identity.prefix(Self.identityLength)))
    self.part = part
    self.place = place
    self.files = files
    self.threads = threads
    mode = try place.checkReplaceable()
    descriptor = try files.add(part) { () throws(ClientError) in
      let descriptor = openat(part.folder.number, part.name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0o666)
      guard descriptor >= 0 else { throw place.unwritable(errno) }
      guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
        close(descriptor)
        throw .local(
          "\(BlobClient.quoted(place.path)) is being downloaded by another process: wait for it, or stop it")
      }
      return descriptor
    }
  }

  /// - Parameter identity: its bytes.
  private static func name(_ identity: some Sequence<UInt8>) -> String {
    "\(prefix)\(hexadecimalString(Array(identity)))\(suffix)"
  }

  static func name(_ identity: UInt64) -> String {
    withUnsafeBytes(of: identity) { name($0) }
  }

  /// Whether a file name is one that the part of a download has.
  static func isName(_ name: ByteText) -> Bool {
    guard name.ends(with: suffix), let rest = name.dropping(prefix) else { return false }
    let digits = rest.string.utf8.dropLast(suffix.count)
    return digits.count == 2 * identityLength
      && digits.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
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
    guard fstat(descriptor, &status) == 0 else { throw place.unwritable(errno) }
    guard status.st_size > 0, UInt64(status.st_size) <= size else { return try restart() }
    isResumed = true
    var buffer = [UInt8](repeating: 0, count: 1 << 20)
    while true {
      let got = buffer.withUnsafeMutableBytes { pread(descriptor, $0.baseAddress, $0.count, off_t(count)) }
      guard got >= 0 else { throw place.unwritable(errno) }
      guard got > 0 else { return }
      buffer.withUnsafeBytes { digest.update(UnsafeRawBufferPointer(rebasing: $0[..<got])) }
      count += UInt64(got)
    }
  }

  func append(_ bytes: ByteBuffer) async throws(ClientError) {
    try await threads.blocking { () throws(ClientError) in try self.write(bytes) }
  }

  private func write(_ bytes: ByteBuffer) throws(ClientError) {
    if let code = bytes.withUnsafeReadableBytes({ writeAll($0, to: descriptor, at: off_t(count)) }) {
      throw place.unwritable(code)
    }
    bytes.withUnsafeReadableBytes { digest.update($0) }
    count += UInt64(bytes.readableBytes)
  }

  func restart() throws(ClientError) {
    guard ftruncate(descriptor, 0) == 0 else { throw place.unwritable(errno) }
    count = 0
    digest = TransferDigest()
    isResumed = false
  }

  /// Gives the file its name.
  func complete() throws(ClientError) {
    isSettled = true
    if let mode { fchmod(descriptor, mode) }
    try files.remove(part) { () throws(ClientError) in
      guard let code = part.rename(to: place.entry) else { return }
      _ = part.unlink()
      throw place.unwritable(code)
    }
  }

  /// Leaves the part for the next try of the command, or nothing at all.
  func giveUp(keepsPart: Bool) {
    guard !isSettled else { return }
    isSettled = true
    try? files.remove(part) { if !keepsPart || count == 0 { _ = part.unlink() } }
  }
}

/// Writes bytes with as many calls as it takes.
///
/// - Returns: nil where it worked, else why not.
private func writeAll(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32, at offset: off_t) -> Int32? {
  var done = 0
  while done < bytes.count {
    let rest = UnsafeRawBufferPointer(rebasing: bytes[done...])
    let written = pwrite(descriptor, rest.baseAddress, rest.count, offset + off_t(done))
    if written < 0, errno == EINTR { continue }
    guard written > 0 else { return errno }
    done += written
  }
  return nil
}

extension DownloadPlace {
  /// Puts bytes in the place of what is there, all or nothing.
  func write(_ bytes: Data, files: TemporaryFiles) throws(ClientError) {
    let mode = try checkReplaceable()
    let part = FolderEntry(folder: entry.folder, name: PartFile.name(UInt64.random(in: .min ... .max)))
    let number = try files.add(part) { () throws(ClientError) in
      let number = openat(part.folder.number, part.name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
      guard number >= 0 else { throw unwritable(errno) }
      return number
    }
    let descriptor = Descriptor(number)
    var code = bytes.withUnsafeBytes { writeAll($0, to: descriptor.number, at: 0) }
    if let mode { fchmod(descriptor.number, mode) }
    try files.remove(part) { () throws(ClientError) in
      if code == nil { code = part.rename(to: entry) }
      guard let code else { return }
      _ = part.unlink()
      throw unwritable(code)
    }
  }

  func unwritable(_ code: Int32) -> ClientError {
    .local("\(BlobClient.quoted(path)) can't be written: \(systemReason(code))")
  }
}
