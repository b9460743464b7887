import CairnTestSupport
import Foundation
import Glibc
import Logging
import NIOCore
import Testing

@testable import cairn

@Suite struct LogTests {
  @Test(arguments: [
    ("limit=\n2026 INFO server: forged", #"limit=\u{A}2026 INFO server: forged"#),
    ("\u{1B}[2J", #"\u{1B}[2J"#), ("\r", #"\u{D}"#), ("\u{0}\u{7F}", #"\u{0}\u{7F}"#),
    ("\u{85}\u{9B}", #"\u{85}\u{9B}"#),
    ("\u{2028}\u{2029}", #"\u{2028}\u{2029}"#), ("é â € 🏔 \u{2027}", "é â € 🏔 \u{2027}"),
  ])
  func textHasNoControlCharacters(word: String, escaped: String) {
    let line = LineLogHandler.line(.info, "server", "request \(word)", ["detail": "'\(word)'"], as: .text)
    let text = String(buffer: line)
    #expect(text.dropFirst(25) == "INFO server: request \(escaped) detail='\(escaped)'\n")
  }

  @Test(arguments: ["a\nb", "\u{1B}[2J", "\u{7F}\u{85}\u{2028}", "é \"\\ €"])
  func jsonHasNoneAndSaysTheSame(word: String) throws {
    let line = LineLogHandler.line(.info, "server", word, ["detail": word], as: .json)
    let bytes = Array(line.readableBytesView)
    #expect(bytes.dropLast().allSatisfy { $0 >= 0x20 && $0 != 0x7F })
    #expect(!String(buffer: line).unicodeScalars.contains { (0x80...0x9F).contains($0.value) || $0.value == 0x2028 })
    let object = try JSONSerialization.jsonObject(with: Data(bytes)) as? [String: String]
    #expect(object?["message"] == word)
    #expect(object?["detail"] == word)
  }

  /// A pipe, and a queue that writes to it.
  private func withPipe(bytesMax: Int, _ body: (LineQueue, _ reader: Int32) throws -> Void) throws {
    var ends: [Int32] = [0, 0]
    #expect(pipe(&ends) == 0)
    #expect(setPipeCapacity(ends[0], 4096))
    let queue = LineQueue(descriptor: ends[1], bytesMax: bytesMax)
    queue.noticeDrops { ByteBuffer(string: "\($0) lines dropped\n") }
    try body(queue, ends[0])
    close(ends[0])
  }

  /// Reads until `count` whole lines came, or some more.
  private func lines(_ reader: Int32, _ count: Int) -> [String] {
    var text = ""
    var piece = [UInt8](repeating: 0, count: 4096)
    while text.split(separator: "\n").count < count || !text.hasSuffix("\n") {
      let got = read(reader, &piece, piece.count)
      guard got > 0 else { break }
      text += String(decoding: piece[..<got], as: UTF8.self)
    }
    return text.split(separator: "\n").map(String.init)
  }

  @Test func linesComeInOrder() throws {
    try withPipe(bytesMax: 1 << 20) { queue, reader in
      for index in 0..<2000 { queue.add(ByteBuffer(string: "line \(index)\n")) }
      #expect(lines(reader, 2000) == (0..<2000).map { "line \($0)" })
      #expect(queue.flush())
    }
  }

  @Test func whatDoesNotFitIsDroppedAndCounted() throws {
    try withPipe(bytesMax: 10_000) { queue, reader in
      // Nobody reads: neither adding nor flushing may wait for that.
      let line = String(repeating: "x", count: 99) + "\n"
      for _ in 0..<1000 { queue.add(ByteBuffer(string: line)) }
      #expect(!queue.flush(within: .milliseconds(50)))
      // What the pipe and the queue hold comes, and, perhaps in several lines, how much is missing.
      var (kept, dropped) = (0, 0)
      while kept + dropped < 1000 {
        for line in lines(reader, 1) {
          if line.hasSuffix(" lines dropped") {
            dropped += try #require(line.split(separator: " ").first.flatMap { Int($0) })
          } else {
            kept += 1
          }
        }
      }
      #expect(kept + dropped == 1000)
      #expect(dropped > 0)
      queue.add(ByteBuffer(string: "after\n"))
      #expect(lines(reader, 1).last == "after")
      #expect(queue.flush())
    }
  }
}
