internal import CLinux
internal import Glibc

/// Reads a file from the disk rather than from the page cache, and leaves in the cache what others read often.
///
/// It reads ahead in blocks, so that many small ranges in ascending order cost few system calls. For one thread.
struct DiskReader: ~Copyable {
  /// What direct reads must begin and end at, on any device.
  private static let alignment: UInt64 = 4096
  private static let blockBytes = 256 << 10

  private let file: OpenFile
  /// The same file, read past the page cache; nil where file system or device can't.
  private var direct: OpenFile?
  private var block: UnsafeMutableRawBufferPointer
  /// What of the file is in the block.
  private var held: Range<UInt64> = 0..<0

  init(_ file: OpenFile) {
    self.file = file
    if cairn_open_direct != 0 { direct = try? file.reopened(flags: O_RDONLY | cairn_open_direct) }
    block = Self.allocate(Self.blockBytes)
  }

  deinit {
    block.deallocate()
  }

  /// The bytes of a range, fewer only at the end of the file; good until the next call. Blocks.
  mutating func read(_ range: Range<UInt64>) throws(StorageError) -> UnsafeRawBufferPointer {
    if range.lowerBound < held.lowerBound || range.upperBound > held.upperBound {
      let start = range.lowerBound / Self.alignment * Self.alignment
      let needed = Int((range.upperBound - start + Self.alignment - 1) / Self.alignment * Self.alignment)
      do throws(StorageError) {
        try fill(from: start, max(needed, Self.blockBytes))
      } catch {
        // What can't be read may lie behind the range.
        guard needed < Self.blockBytes else { throw error }
        try fill(from: start, needed)
      }
    }
    let found = range.clamped(to: held)
    let first = Int(found.lowerBound - held.lowerBound)
    return UnsafeRawBufferPointer(rebasing: block[first..<first + found.count])
  }

  private mutating func fill(from start: UInt64, _ count: Int) throws(StorageError) {
    held = 0..<0
    if block.count < count {
      block.deallocate()
      block = Self.allocate(count)
    }
    let space = UnsafeMutableRawBufferPointer(rebasing: block[..<count])
    if let direct {
      do throws(SystemError) {
        var found = 0
        while found < count {
          let part = try direct.readOnce(
            into: UnsafeMutableRawBufferPointer(rebasing: space[found...]), at: start + UInt64(found))
          found += part
          // The end of the file: all other reads end between two blocks of the disk.
          if part == 0 || part % Int(Self.alignment) != 0 { break }
        }
        held = start..<start + UInt64(found)
        return
      } catch {
        guard error.code == EINVAL else { throw .io(error, path: file.path) }
        // The device wants another alignment.
        self.direct = nil
      }
    }
    file.dropCached(start, count)
    held = start..<start + UInt64(try file.read(into: space, at: start))
    file.dropCached(start, count)
  }

  private static func allocate(_ count: Int) -> UnsafeMutableRawBufferPointer {
    .allocate(byteCount: count, alignment: Int(alignment))
  }
}
