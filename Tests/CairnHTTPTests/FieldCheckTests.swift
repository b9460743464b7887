import CairnHTTP
import NIOHTTP1
import Testing

@Suite struct FieldCheckTests {
  @Test(arguments: ["", "é", "a b", "a:", "a\r\nb", "a\u{0}", "\u{7F}", "(a)", "x-amz-meta-\u{200B}"])
  func namesThatNoFieldHasAreRefused(name: String) {
    var headers: HTTPHeaders = [:]
    #expect(throws: InvalidField.name(name)) { try headers.add(checking: name, "value") }
    #expect(throws: InvalidField.name(name)) { try headers.replace(checking: name, "value") }
    #expect(headers.isEmpty)
  }

  @Test(arguments: ["a\r\nb: c", "a\nb", "\u{0}", "\u{1B}[2J", "\u{7F}"])
  func valuesWithControlCharactersAreRefused(value: String) {
    var headers: HTTPHeaders = [:]
    #expect(throws: InvalidField.value(name: "name")) { try headers.add(checking: "name", value) }
    #expect(headers.isEmpty)
  }

  @Test(arguments: [("x-amz-meta-a.b_c", ""), ("!#$%&'*+-.^_`|~09azAZ", "tab\tand é"), ("A", " ")])
  func everythingElseIsTaken(name: String, value: String) throws {
    var headers: HTTPHeaders = [:]
    try headers.add(checking: name, value)
    #expect(headers[name] == [value])
  }

  /// Years from before 1970, after the end of 64 bits of nanoseconds, and after the last one of four digits.
  @Test(arguments: [
    (Int.min, "1970-01-01T00:00:00.000Z"), (-1, "1970-01-01T00:00:00.000Z"), (0, "1970-01-01T00:00:00.000Z"),
    (18_446_744_074, "2554-07-21T23:34:34.000Z"), (253_402_300_799, "9999-12-31T23:59:59.000Z"),
    (253_402_300_800, "9999-12-31T23:59:59.000Z"), (Int.max, "9999-12-31T23:59:59.000Z"),
  ])
  func everySecondCanBeWritten(seconds: Int, text: String) {
    #expect(HTTPDate.iso8601(secondsSinceEpoch: seconds) == text)
    let year = text.prefix(4)
    #expect(HTTPDate.format(secondsSinceEpoch: seconds).dropFirst(12).hasPrefix(year))
  }

  @Test func theLastNanosecondCanBeWritten() {
    #expect(HTTPDate.iso8601(nanosecondsSinceEpoch: .max) == "2554-07-21T23:34:33.709Z")
  }
}
