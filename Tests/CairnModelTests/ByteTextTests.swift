import CairnModel
import Foundation
import Testing

@Suite struct ByteTextTests {
  private let composed: ByteText = "caf\u{e9}"
  private let decomposed: ByteText = "cafe\u{301}"

  @Test func textsAreTheSameOnlyWhenTheirBytesAre() {
    #expect(composed.string == decomposed.string)
    #expect(composed != decomposed)
    #expect(Set([composed, decomposed, composed]).count == 2)
    #expect([composed, decomposed, "cafz"].sorted() == [decomposed, "cafz", composed])
  }

  @Test func aSlashIsOneEvenBeforeACombiningMark() {
    let text: ByteText = "a/\u{338}b/"
    #expect(text.components == ["a", "\u{338}b", ""])
    #expect(text.lastComponent == "")
    #expect(text.endsWithSlash)
    #expect(text.starts(with: "a/"))
    #expect(text.dropping("a/") == "\u{338}b/")
    #expect(text.dropping("b") == nil)
    #expect(ByteText("x.tar\u{301}").ends(with: ".tar") == false)
    #expect(ByteText("x\u{301}.tar").ends(with: ".tar"))
  }

  @Test func bytesThatAreNotUTF8AreNoText() {
    #expect(ByteText(utf8: [0x61, 0xFF]) == nil)
    #expect(ByteText(utf8: [0x65, 0xCC, 0x81]) == "e\u{301}")
  }

  @Test func jsonKeepsTheBytes() throws {
    let texts = [composed, decomposed]
    #expect(try JSONDecoder().decode([ByteText].self, from: JSONEncoder().encode(texts)) == texts)
  }
}
