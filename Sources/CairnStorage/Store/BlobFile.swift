package import NIOCore
internal import NIOPosix

/// The payload of a large record, as a region of its log.
///
/// It keeps the log open: compaction and the closing of the store don't disturb who reads from it.
package struct BlobFile: Sendable {
  /// Bytes.
  package let length: Int
  private let file: OpenFile
  private let offset: UInt64
  private let threads: NIOThreadPool

  init(_ file: OpenFile, offset: UInt64, length: Int, threads: NIOThreadPool) {
    self.file = file
    self.offset = offset
    self.length = length
    self.threads = threads
  }

  /// The bytes of `range`, a part of `0..<length`, for `sendfile`. They were in the page cache when the blob was read.
  ///
  /// Keep this value alive until the region is written: the descriptor belongs to it. Written later, the region fails
  /// with an `IOError`, and sends nothing.
  package func region(_ range: Range<Int>) -> FileRegion {
    precondition(range.lowerBound >= 0 && range.upperBound <= length, "a region lies within its blob")
    let start = Int(offset)
    return FileRegion(
      fileHandle: file.handle, readerIndex: start + range.lowerBound, endIndex: start + range.upperBound)
  }

  /// The bytes of `range`, a part of `0..<length`. Suspends only where the page cache lacks some of them.
  ///
  /// - Throws: ``StorageError/io(_:path:)``.
  nonisolated(nonsending) package func read(_ range: Range<Int>) async throws(StorageError) -> ByteBuffer {
    precondition(range.lowerBound >= 0 && range.upperBound <= length, "a range lies within its blob")
    let start = offset + UInt64(range.lowerBound)
    if let bytes = file.readCached(range.count, at: start) { return bytes }
    return try await threads.perform { [file] () throws(StorageError) in
      let bytes = try file.read(range.count, at: start)
      guard bytes.readableBytes == range.count else {
        // A log is never cut under a reader, so the disk has lost something.
        throw .io(SystemError(call: "pread", code: 5), path: file.path)
      }
      return bytes
    }
  }
}
