import CairnHTTP
import Foundation
import NIOCore
import Testing

/// Bodies of named values: the same whatever pieces they come in.
@Suite struct FieldParserTests {
  /// Names with the kind, and the bytes, of each field.
  private typealias Fields = [[String]]

  private func parse(_ parser: some FieldParser, _ pieces: [[UInt8]]) throws -> Fields {
    var parser = parser
    var fields: [(name: String, bytes: [UInt8])] = []
    var isOpen = false
    func drain() throws {
      while let event = try parser.next() {
        switch event {
        case .began(let name, let kind):
          #expect(!isOpen)
          isOpen = true
          fields.append((kind == .text ? name : "\(name):\(kind)", []))
        case .bytes(let bytes): fields[fields.count - 1].bytes += bytes.readableBytesView
        case .ended:
          #expect(isOpen)
          isOpen = false
        }
      }
    }
    for piece in pieces {
      parser.feed(ByteBuffer(bytes: piece))
      try drain()
    }
    try parser.finish()
    try drain()
    #expect(!isOpen)
    return try fields.map { [$0.name, try #require(String(validating: $0.bytes, as: UTF8.self))] }
  }

  private func expectEverySplit(_ parser: some FieldParser, of body: String, gives expected: Fields) throws {
    let bytes = Array(body.utf8)
    for cut in 0...bytes.count {
      #expect(try parse(parser, [Array(bytes[..<cut]), Array(bytes[cut...])]) == expected, "cut at \(cut)")
    }
    #expect(try parse(parser, bytes.map { [$0] }) == expected, "byte by byte")
  }

  // MARK: JSON

  private static let json = """
     {"a" : "plain text, longer than eight", "esc\\u0061pe":"\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\ud83c\\udfd4é🏔",
      "empty":"", "n":null,"t":true , "f":false, "num":[-0.5e+10, 0, 12, 1E9, 3.25],
      "deep":{"a":[{"b":"}]\\""},[]],"c":{}}, "last":"\\u0000x"}\t
    """

  @Test func everySplitOfJSONGivesTheSameMembers() throws {
    try expectEverySplit(
      JSONFieldParser(), of: Self.json,
      gives: [
        ["a", "plain text, longer than eight"], ["escape", "\"\\/\u{8}\u{C}\n\r\té🏔é🏔"], ["empty", ""],
        ["n:null", ""], ["t:other", ""], ["f:other", ""], ["num:other", ""], ["deep:other", ""], ["last", "\0x"],
      ])
  }

  @Test func everyCutJSONIsRefused() {
    let bytes = Array(Self.json.utf8)
    for length in 0..<bytes.count - 1 {
      #expect(throws: FieldError.self, "cut at \(length)") { try parse(JSONFieldParser(), [Array(bytes[..<length])]) }
    }
  }

  @Test func anEmptyObjectHasNoMembers() throws {
    #expect(try parse(JSONFieldParser(), [Array(" { } ".utf8)]) == [])
  }

  @Test(arguments: [
    "", "[]", "null", "\"x\"", "{}{}", "{} x", "{,}", "{\"a\"}", "{\"a\":}", "{\"a\":\"b\",}", "{\"a\" \"b\"}",
    "{a:\"b\"}", "{'a':'b'}", "{\"a\":\"b\" \"c\":\"d\"}", "{\"a\":01}", "{\"a\":1.}", "{\"a\":.5}", "{\"a\":+1}",
    "{\"a\":-}", "{\"a\":1e}", "{\"a\":NaN}", "{\"a\":tru}", "{\"a\":truex}", "{\"a\":nulL}", "{\"a\":[1,]}",
    "{\"a\":[1}", "{\"a\":{\"b\"]}", "{\"a\":\"\u{1}\"}", "{\"a\":\"\n\"}", "{\"a\":\"\\x\"}", "{\"a\":\"\\u12g4\"}",
    "{\"a\":\"\\ud800\"}", "{\"a\":\"\\ud800x\"}", "{\"a\":\"\\ud800\\n\"}", "{\"a\":\"\\ud800\\ud800\"}",
    "{\"a\":\"\\udc00\"}", "\u{FEFF}{}", "{\"a\":\"b\"}\0", "{// no\n}",
  ])
  func whatIsNoJSONObjectIsRefused(body: String) {
    #expect(throws: FieldError.self) { try parse(JSONFieldParser(), [Array(body.utf8)]) }
    #expect(throws: FieldError.self) { try parse(JSONFieldParser(), body.utf8.map { [$0] }) }
  }

  @Test(
    arguments: [
      [0xFF], [0xC3], [0xC3, 0x41], [0xC0, 0x80], [0xE0, 0x80, 0x80], [0xED, 0xA0, 0x80], [0xF5, 0x80, 0x80, 0x80],
    ] as [[UInt8]])
  func stringsThatAreNotUTF8AreRefused(bytes: [UInt8]) {
    let body = Array("{\"a\":\"longer than a word ".utf8) + bytes + Array("\"}".utf8)
    #expect(throws: FieldError.self) { try parse(JSONFieldParser(), [body]) }
    #expect(throws: FieldError.self) { try parse(JSONFieldParser(), body.map { [$0] }) }
  }

  @Test func depthAndNamesHaveLimits() throws {
    func nested(_ depth: Int) -> [UInt8] {
      Array(("{\"a\":" + String(repeating: "[", count: depth) + String(repeating: "]", count: depth) + "}").utf8)
    }
    #expect(try parse(JSONFieldParser(), [nested(JSONFieldParser.depthMax - 1)]) == [["a:other", ""]])
    #expect(throws: FieldError.self) { try parse(JSONFieldParser(), [nested(JSONFieldParser.depthMax)]) }
    let name = String(repeating: "n", count: 1025)
    #expect(throws: FieldError.self) { try parse(JSONFieldParser(), [Array("{\"\(name)\":1}".utf8)]) }
    #expect(throws: FieldError.self) { try parse(URLEncodedFieldParser(), [Array("\(name)=1".utf8)]) }
  }

  // MARK: Forms

  @Test func everySplitOfAFormGivesTheSameFields() throws {
    try expectEverySplit(
      URLEncodedFieldParser(), of: "a=1&b+b=x+y%2Bz%3D=%26%25&&empty=&noValue&%C3%A9=%f0%9f%8f%94&last=a=b",
      gives: [
        ["a", "1"], ["b b", "x y+z==&%"], ["empty", ""], ["noValue", ""], ["é", "🏔"], ["last", "a=b"],
      ])
  }

  @Test(arguments: ["a=%", "a=%4", "a=%4g", "a=%&b=1", "%zz=1", "%FF=1"])
  func malformedPercentCodingIsRefused(body: String) {
    #expect(throws: FieldError.self) { try parse(URLEncodedFieldParser(), [Array(body.utf8)]) }
    #expect(throws: FieldError.self) { try parse(URLEncodedFieldParser(), body.utf8.map { [$0] }) }
  }

  @Test func everySplitOfAMultipartFormGivesTheSameFields() throws {
    let body = [
      "--b", "Content-Disposition: form-data; name=\"one\"", "", "1\r\n--not", "--b",
      "Content-Disposition: form-data; name=\"two\"; filename=\"x\"", "Content-Type: text/plain", "", "", "--b--", "",
    ].joined(separator: "\r\n")
    try expectEverySplit(
      MultipartFieldParser(contentType: "multipart/form-data; boundary=b"), of: body,
      gives: [["one", "1\r\n--not"], ["two", ""]])
  }

  // MARK: The way back

  @Test(arguments: [
    "", "plain", "\"", "a \"quoted\" text, é🏔\\\u{0}\u{1f}\n\r\t\u{7f}", String(repeating: "x\n", count: 500),
  ])
  func escapedTextIsReadAsItWas(text: String) throws {
    var body = ByteBuffer(string: "{\"text\":\"")
    body.writeImmutableBuffer(JSONText.escaped(ByteBuffer(string: text)))
    body.writeString("\"}")
    let read = try JSONSerialization.jsonObject(with: Data(body.readableBytesView)) as? [String: String]
    #expect(read == ["text": text])
    #expect(try parse(JSONFieldParser(), [Array(body.readableBytesView)]) == [["text", text]])
  }
}
