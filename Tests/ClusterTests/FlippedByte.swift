import CairnTestSupport
import Foundation
import Testing

extension CairnProcess {
  /// Finds the content in a log by its first bytes, and changes one bit of it.
  func flipByte(in content: Data, at offset: Int) throws {
    // The part that is stored in one piece with the byte.
    let start = offset / (8 << 20) * (8 << 20)
    let pattern = content[start..<min(start + 64, content.count)]
    let root = storagePath + "/volumes"
    for path in FileManager.default.subpaths(atPath: root) ?? [] where path.hasSuffix(".log") {
      let bytes = try Data(contentsOf: URL(fileURLWithPath: "\(root)/\(path)"))
      guard let found = bytes.range(of: pattern) else { continue }
      let position = found.lowerBound + offset - start
      let log = try FileHandle(forUpdating: URL(fileURLWithPath: "\(root)/\(path)"))
      defer { try? log.close() }
      try log.seek(toOffset: UInt64(position))
      try log.write(contentsOf: Data([bytes[position] ^ 1]))
      return
    }
    Issue.record("the content is in no log")
  }
}
