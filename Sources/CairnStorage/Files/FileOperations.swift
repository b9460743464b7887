internal import CLinux
internal import CairnModel
internal import Glibc

/// The system calls on which crash safety hangs, each replaceable, so that tests can count them and let them fail.
package struct FileOperations: Sendable {
  /// Bytes of a file system.
  package struct Space: Hashable, Sendable {
    package var capacity: UInt64
    /// What an ordinary user may still write.
    package var free: UInt64

    package init(capacity: UInt64, free: UInt64) {
      self.capacity = capacity
      self.free = free
    }

    /// What `statvfs` says. Network file systems that know no end of theirs claim the greatest numbers that there are: then
    /// it is the most that a node can report.
    package init(blocks: UInt64, freeBlocks: UInt64, blockBytes: UInt64) {
      func bytes(_ blocks: UInt64) -> UInt64 {
        let (bytes, overflow) = blocks.multipliedReportingOverflow(by: blockBytes)
        return overflow ? Limits.nodeTotalMax : min(bytes, Limits.nodeTotalMax)
      }
      self.init(capacity: bytes(blocks), free: bytes(freeBlocks))
    }
  }

  /// `pwrite`: how many bytes it took.
  package var write:
    @Sendable (_ descriptor: Int32, UnsafeRawBufferPointer, _ offset: UInt64) throws(SystemError) -> Int
  /// `fdatasync`.
  package var sync: @Sendable (_ descriptor: Int32) throws(SystemError) -> Void
  /// `ftruncate`.
  package var truncate: @Sendable (_ descriptor: Int32, _ length: UInt64) throws(SystemError) -> Void
  package var rename: @Sendable (_ from: String, _ to: String) throws(SystemError) -> Void
  /// `preadv2` with `RWF_NOWAIT`: how many bytes were in the page cache, nil when none or where it can't tell.
  package var readCached: @Sendable (_ descriptor: Int32, UnsafeMutableRawBufferPointer, _ offset: UInt64) -> Int?
  /// `statvfs`.
  package var space: @Sendable (_ path: String) throws(SystemError) -> Space

  /// The system's own.
  package static let system = FileOperations(
    write: { (descriptor, bytes, offset) throws(SystemError) in
      try SystemError.check("pwrite") { pwrite(descriptor, bytes.baseAddress, bytes.count, off_t(offset)) }
    },
    sync: { (descriptor) throws(SystemError) in _ = try SystemError.check("fdatasync") { fdatasync(descriptor) } },
    truncate: { (descriptor, length) throws(SystemError) in
      _ = try SystemError.check("ftruncate") { ftruncate(descriptor, off_t(length)) }
    },
    rename: { (from, to) throws(SystemError) in _ = try SystemError.check("rename") { Glibc.rename(from, to) } },
    readCached: { descriptor, bytes, offset in
      let count = cairn_read_cached(descriptor, bytes.baseAddress, bytes.count, off_t(offset))
      return count >= 0 ? count : nil
    },
    space: { (path) throws(SystemError) in
      var status = statvfs()
      _ = try SystemError.check("statvfs") { statvfs(path, &status) }
      return Space(
        blocks: UInt64(status.f_blocks), freeBlocks: UInt64(status.f_bavail), blockBytes: UInt64(status.f_frsize))
    })
}
