import CairnHTTP
import CairnTestSupport
import Foundation
import NIOCore
import Testing

@Suite struct Base64Tests {
  private func decode(_ pieces: [[UInt8]], spaceIsPlus: Bool = false) throws -> [UInt8] {
    var decoder = Base64Decoder(spaceIsPlus: spaceIsPlus)
    var decoded: [UInt8] = []
    for piece in pieces { decoded += try decoder.decode(ByteBuffer(bytes: piece)).readableBytesView }
    try decoder.finish()
    return decoded
  }

  private func encode(_ pieces: [ArraySlice<UInt8>]) -> String {
    var encoder = Base64Encoder()
    var text = ""
    for piece in pieces { text += String(buffer: encoder.encode(ByteBuffer(bytes: piece))) }
    return text + String(buffer: encoder.finish())
  }

  @Test(arguments: [0, 1, 2, 3, 4, 5, 57, 58, 59]) func everySplitGivesTheSame(length: Int) throws {
    let bytes = RandomBytes.slice(from: length, count: length)
    let text = Data(bytes).base64EncodedString()
    #expect(Base64Encoder.encodedLength(of: UInt64(length)) == UInt64(text.utf8.count))
    for cut in 0...length {
      #expect(encode([bytes.prefix(cut), bytes.dropFirst(cut)]) == text)
    }
    #expect(encode(bytes.indices.map { bytes[$0...$0] }) == text)
    // With line ends, as `base64` and Python's `encodebytes` write them.
    let wrapped = Array(Data(bytes).base64EncodedString(options: [.lineLength64Characters]).utf8) + [0x0A]
    for text in [Array(text.utf8), wrapped] {
      for cut in 0...text.count {
        #expect(try decode([Array(text[..<cut]), Array(text[cut...])]) == Array(bytes))
      }
      #expect(try decode(text.map { [$0] }) == Array(bytes))
    }
  }

  @Test func manyBytesComeBack() throws {
    let bytes = RandomBytes.slice(count: 1 << 20)
    let text = encode(stride(from: 0, to: bytes.count, by: 4099).map { bytes.dropFirst($0).prefix(4099) })
    #expect(text == Data(bytes).base64EncodedString())
    #expect(try decode([Array(text.utf8)]) == Array(bytes))
  }

  @Test(arguments: [
    "A", "AA", "AAA", "AAAAA", "AA=", "A===", "=", "====", "AA==AA==", "AAA=A", "AA=A", "AA==\n=", "AB==", "AAB=",
    "AA-_", "AA A", "AAA!", "AAAé", "AAAA\0",
  ])
  func badTextIsRefused(text: String) {
    #expect(throws: Base64Error.self) { try decode([Array(text.utf8)]) }
    #expect(throws: Base64Error.self) { try decode(text.utf8.map { [$0] }) }
  }

  @Test func aSpaceIsAPlusOnlyWhereItIsSaid() throws {
    #expect(try decode([Array("  8 ".utf8)], spaceIsPlus: true) == decode([Array("++8+".utf8)]))
    #expect(throws: Base64Error.badCharacter(0x20, at: 0)) { try decode([Array("  8 ".utf8)]) }
  }
}

@Suite struct UTF8ValidatorTests {
  @Test(arguments: [
    "", "plain", "é€🏔", "a longer text, and then é, and then much more of it 🏔\u{10FFFF}\u{D7FF}\u{E000}",
  ])
  func everySplitOfValidTextIsAccepted(text: String) {
    let bytes = Array(text.utf8)
    for cut in 0...bytes.count {
      var validator = UTF8Validator()
      let accepted = [bytes[..<cut], bytes[cut...]].map { validator.accept(ByteBuffer(bytes: $0)) }
      #expect(accepted == [true, true] && validator.isComplete)
    }
  }

  @Test func itAgreesWithTheStandardLibrary() {
    // Every pair and many longer runs, after a word of ASCII.
    var runs: [[UInt8]] = []
    for first in UInt8.min...UInt8.max {
      for second in UInt8.min...UInt8.max { runs.append([first, second]) }
    }
    for first in UInt8(0xE0)...0xF7 {
      for second in stride(from: UInt8(0x70), to: 0xD0, by: 1) {
        runs.append([first, second, 0x80])
        runs.append([first, second, 0xBF, 0x80])
        runs.append([first, second, 0x80, 0x41])
      }
    }
    for run in runs {
      let bytes = Array("eight by".utf8) + run
      var validator = UTF8Validator()
      let isValid = validator.accept(ByteBuffer(bytes: bytes)) && validator.isComplete
      if isValid != (String(validating: bytes, as: UTF8.self) != nil) { Issue.record("\(run)") }
    }
  }
}
