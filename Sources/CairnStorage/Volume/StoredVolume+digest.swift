internal import CairnModel
internal import NIOCore
internal import Synchronization

extension StoredVolume {
  /// Bytes of the log that are read for one header, in the hope of the next ones.
  private static let headerWindow = 16 << 10

  /// The live records, tombstones included, in log order. Reads their headers, not their payloads. Left out is what is
  /// garbage, what is known to be damaged, and what has no header any more: a replica that holds it differs. Blocks.
  func liveBlobs(_ body: (ReplicaBlob) -> Void) throws(StorageError) {
    let (file, (index, damaged)) = try opened { ($0.index, $0.damagedBlobs) }
    var window = ByteBuffer()
    var start: UInt64 = 0
    for segment in index.segments {
      guard !context.closing.isRaised, !dropped.isRaised else { throw .closed }
      for entry in segment where entry.life == .live && !damaged.contains(entry.blob) {
        if entry.offset < start || entry.offset + UInt64(Record.headerLength) > start + UInt64(window.readableBytes) {
          window = try file.read(Self.headerWindow, at: entry.offset)
          start = entry.offset
        }
        let bytes = window.getSlice(at: Int(entry.offset - start), length: Record.headerLength)
        let header = bytes.flatMap { bytes in bytes.withUnsafeReadableBytes { try? RecordHeader($0) } }
        guard let header, header.blob == entry.blob, header.length == entry.length else { continue }
        body(ReplicaBlob(blob: header.blob, headerCRC: header.headerCRC, payloadCRC: header.payloadCRC))
      }
    }
  }
}
