internal import CLinux
internal import Glibc
internal import NIOCore

/// An open file that closes itself when its last user lets it go: so compaction and the limit of descriptors can
/// never close it under a reader.
///
/// `@unchecked`: NIO's handle is not marked Sendable, but its only mutable part is whether it is open, and that
/// changes in `deinit` alone.
final class OpenFile: @unchecked Sendable {
  let path: String
  let handle: NIOFileHandle
  private let descriptor: Int32
  private let operations: FileOperations

  /// - Parameters:
  ///   - path: as errors tell it.
  ///   - link: leads to the file, where that is another path.
  ///   - flags: of `open`, besides `O_CLOEXEC`.
  init(_ path: String, through link: String? = nil, flags: Int32, operations: FileOperations) throws(StorageError) {
    do throws(SystemError) {
      descriptor = try SystemError.check("open") { open(link ?? path, flags | O_CLOEXEC, 0o640) }
    } catch {
      throw .io(error, path: path)
    }
    handle = NIOFileHandle(descriptor: descriptor)
    self.path = path
    self.operations = operations
  }

  deinit {
    try? handle.close()
  }

  /// The same file, also where its path is another one's by now, with other flags.
  ///
  /// - Throws: also where the system has no `/proc`.
  func reopened(flags: Int32) throws(StorageError) -> OpenFile {
    try OpenFile(path, through: "/proc/self/fd/\(descriptor)", flags: flags, operations: operations)
  }

  func size() throws(StorageError) -> UInt64 {
    var status = stat()
    do throws(SystemError) {
      _ = try SystemError.check("fstat") { fstat(descriptor, &status) }
    } catch {
      throw .io(error, path: path)
    }
    return UInt64(status.st_size)
  }

  /// Fills `bytes`, or what the file has of it: how many bytes there were. Blocks.
  func read(into bytes: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(StorageError) -> Int {
    var done = 0
    while done < bytes.count {
      let rest = UnsafeMutableRawBufferPointer(rebasing: bytes[done...])
      do throws(SystemError) {
        let count = try readOnce(into: rest, at: offset + UInt64(done))
        if count == 0 { break }
        done += count
      } catch {
        throw .io(error, path: path)
      }
    }
    return done
  }

  /// What one system call reads: how many bytes. Blocks.
  func readOnce(into bytes: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(SystemError) -> Int {
    try SystemError.check("pread") { pread(descriptor, bytes.baseAddress, bytes.count, off_t(offset)) }
  }

  /// Up to `count` bytes; fewer only at the end of the file. Blocks.
  func read(_ count: Int, at offset: UInt64) throws(StorageError) -> ByteBuffer {
    var buffer = ByteBufferAllocator().buffer(capacity: count)
    var failure: StorageError?
    buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: count) { space in
      do throws(StorageError) {
        return try read(into: UnsafeMutableRawBufferPointer(rebasing: space.prefix(count)), at: offset)
      } catch {
        failure = error
        return 0
      }
    }
    if let failure { throw failure }
    return buffer
  }

  /// `count` bytes when the page cache has all of them, else nil. Never waits for the disk.
  func readCached(_ count: Int, at offset: UInt64) -> ByteBuffer? {
    var buffer = ByteBufferAllocator().buffer(capacity: count)
    let found = buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: count) { space in
      operations.readCached(descriptor, UnsafeMutableRawBufferPointer(rebasing: space.prefix(count)), offset) ?? 0
    }
    return found == count ? buffer : nil
  }

  /// Writes all of `bytes`, also where the system takes them in parts.
  func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(SystemError) {
    var done = 0
    while done < bytes.count {
      let count = try operations.write(
        descriptor, UnsafeRawBufferPointer(rebasing: bytes[done...]), offset + UInt64(done))
      // Taking nothing without an error would loop for ever.
      guard count > 0 else { throw SystemError(call: "pwrite", code: EIO) }
      done += count
    }
  }

  /// Writes `count` zeros.
  func writeZeros(_ count: Int, at offset: UInt64) throws(SystemError) {
    try withUnsafeTemporaryAllocation(byteCount: count, alignment: 16) { (zeros) throws(SystemError) in
      zeros.initializeMemory(as: UInt8.self, repeating: 0)
      try write(UnsafeRawBufferPointer(zeros), at: offset)
    }
  }

  func sync() throws(SystemError) {
    try operations.sync(descriptor)
  }

  /// Lets the kernel begin to write a range back, so that a later ``sync()`` has less to wait for. An error shows there.
  func startWriteback(_ offset: UInt64, _ count: UInt64) {
    cairn_start_writeback(descriptor, off_t(offset), off_t(count))
  }

  func truncate(to length: UInt64) throws(SystemError) {
    try operations.truncate(descriptor, length)
  }

  /// Tells the kernel that the range will be read soon, from start to end.
  func prefetch(_ offset: UInt64, _ count: Int) {
    _ = posix_fadvise(descriptor, off_t(offset), off_t(count), POSIX_FADV_WILLNEED)
  }

  /// Asks the kernel to forget the pages of a range, so that the next read comes from the disk. It keeps those that
  /// were not written back yet.
  func dropCached(_ offset: UInt64, _ count: Int) {
    let page: UInt64 = 4096
    let start = offset / page * page
    let end = (offset + UInt64(count) + page - 1) / page * page
    _ = posix_fadvise(descriptor, off_t(start), off_t(end - start), POSIX_FADV_DONTNEED)
  }

  /// Takes the lock of the file for this process; false when another one has it.
  func lock() -> Bool {
    flock(descriptor, LOCK_EX | LOCK_NB) == 0
  }

  func unlock() {
    flock(descriptor, LOCK_UN)
  }
}
