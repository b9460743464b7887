import CairnModel
import CairnStorage
import Foundation

extension TestStore {
  /// The one log up to the end of its last record. In the file of an open one, zeros may follow.
  func log() throws -> [UInt8] {
    Array(try readFile(folder.file(endingIn: ".log")).prefix(Int(store.volumes()[0].logBytes)))
  }

  /// Flips a bit of a record's payload on the disk, under the running store. Records begin with the first byte behind
  /// the log's header, and follow each other in the order of `records`.
  func damage(_ index: Int, of records: [EncodedRecord]) throws {
    let start = records[..<index].reduce(128) { $0 + $1.header.paddedLength }
    try flip(UInt64(start + records[index].header.length - 1))
  }

  /// Flips a bit of the one log.
  func flip(_ offset: UInt64) throws {
    guard let handle = FileHandle(forUpdatingAtPath: try folder.file(endingIn: ".log")) else {
      throw Surprise("no log")
    }
    try handle.seek(toOffset: offset)
    guard let byte = try handle.read(upToCount: 1)?.first else { throw Surprise("no byte at \(offset)") }
    try handle.seek(toOffset: offset)
    try handle.write(contentsOf: [byte ^ 1])
    try handle.synchronize()
    try handle.close()
  }
}
