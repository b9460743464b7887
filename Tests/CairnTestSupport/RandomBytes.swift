import Glibc

/// Bytes without a pattern, made once: every content that tests store is a slice of them.
package enum RandomBytes {
  package static let countMax = 32 << 20

  private static let pool: [UInt8] = {
    var random = SeededRandom(seed: 0xCA1F)
    return [UInt8](unsafeUninitializedCapacity: countMax) { bytes, count in
      UnsafeMutableRawBufferPointer(bytes).withMemoryRebound(to: UInt64.self) { words in
        for index in words.indices { words[index] = random.next() }
      }
      count = countMax
    }
  }()

  /// - Parameter offset: different offsets give different contents, from some bytes on.
  package static func slice(from offset: Int = 0, count: Int) -> ArraySlice<UInt8> {
    precondition(count <= countMax, "ask for at most \(countMax) random bytes")
    let start = offset % (countMax - count + 1)
    return pool[start..<start + count]
  }

  /// Writes a file of any length; parts repeat in long ones, at a distance that no chunk size divides.
  package static func writeFile(_ path: String, count: Int, from offset: Int = 0) throws {
    let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw GuardedProcess.SpawnError(executable: path, code: errno) }
    defer { close(descriptor) }
    let period = countMax - 4099
    var written = 0
    while written < count {
      let part = slice(from: (offset + written) % 4099, count: min(period, count - written))
      let result = part.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
      guard result > 0 || part.isEmpty else { throw GuardedProcess.SpawnError(executable: path, code: errno) }
      written += result
    }
  }
}
