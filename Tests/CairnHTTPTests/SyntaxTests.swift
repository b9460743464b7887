import CairnHTTP
import NIOCore
import NIOHTTP1
import Testing

@Suite struct SyntaxTests {
  @Test(
    arguments: [
      (nil, .whole), ("bytes=0-", .ranges([ByteRange(offset: 0, length: 10)])),
      ("bytes=2-4", .ranges([ByteRange(offset: 2, length: 3)])),
      ("bytes=-3", .ranges([ByteRange(offset: 7, length: 3)])),
      ("bytes=-99", .ranges([ByteRange(offset: 0, length: 10)])),
      ("bytes=8-99", .ranges([ByteRange(offset: 8, length: 2)])),
      ("bytes=0-0, -1", .ranges([ByteRange(offset: 0, length: 1), ByteRange(offset: 9, length: 1)])),
      ("bytes=99-,1-1", .ranges([ByteRange(offset: 1, length: 1)])),
      ("bytes=10-", .unsatisfiable), ("bytes=-0", .unsatisfiable), ("bytes=99999999999999999999-", .unsatisfiable),
      ("bytes=4-2", .whole), ("bytes=a-b", .whole), ("lines=1-2", .whole), ("bytes=", .whole), ("bytes=-", .whole),
    ] as [(String?, RequestedRange)])
  func rangesAreReadAsTheRFCSays(header: String?, expected: RequestedRange) {
    #expect(RequestedRange(header: header, size: 10) == expected)
  }

  /// Nobody gets more bytes by asking for the same ones several times.
  @Test(arguments: ["bytes=0-,0-", "bytes=0-9,-1", "bytes=0-5,4-8", "bytes=5-9,0-4,0-0", "bytes=-10,-10"])
  func rangesWithMoreBytesThanTheBodyGetTheWholeBody(header: String) {
    #expect(RequestedRange(header: header, size: 10) == .whole)
  }

  @Test func rangesThatLieOutsideCountToo() {
    let header = "bytes=0-0," + String(repeating: "99-,", count: 64) + "1-1"
    #expect(RequestedRange(header: header, size: 10) == .whole)
  }

  @Test func tooManyRangesGetTheWholeBody() {
    let header = "bytes=" + (0..<65).map { "\($0)-\($0)" }.joined(separator: ",")
    #expect(RequestedRange(header: header, size: 100) == .whole)
  }

  @Test func rangesOfNothingCannotBeSatisfied() {
    #expect(RequestedRange(header: "bytes=0-", size: 0) == .unsatisfiable)
  }

  private static let time = 784_111_777  // Sun, 06 Nov 1994 08:49:37 GMT

  @Test(arguments: [
    "Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994",
  ])
  func eachFormOfADateIsRead(text: String) {
    #expect(HTTPDate.parse(text) == Self.time)
  }

  @Test func datesAreWritten() {
    #expect(HTTPDate.format(secondsSinceEpoch: Self.time) == "Sun, 06 Nov 1994 08:49:37 GMT")
    #expect(
      HTTPDate.iso8601(nanosecondsSinceEpoch: UInt64(Self.time) * 1_000_000_000 + 7_000_000)
        == "1994-11-06T08:49:37.007Z")
    #expect(HTTPDate.parse("yesterday") == nil)
  }

  @Test(
    arguments: [
      (["If-None-Match": "\"x\""], .notModified), (["If-None-Match": "W/\"x\""], .notModified),
      (["If-None-Match": "\"y\", \"x\""], .notModified), (["If-None-Match": "*"], .notModified),
      (["If-None-Match": "\"y\""], .proceed), (["If-Match": "\"x\""], .proceed), (["If-Match": "\"y\""], .failed),
      (["If-Match": "W/\"x\""], .failed), (["If-Match": "*"], .proceed),
      (["If-Modified-Since": "Sun, 06 Nov 1994 08:49:37 GMT"], .notModified),
      (["If-Modified-Since": "Sun, 06 Nov 1994 08:49:36 GMT"], .proceed),
      (["If-Unmodified-Since": "Sun, 06 Nov 1994 08:49:36 GMT"], .failed),
      (["If-None-Match": "\"y\"", "If-Modified-Since": "Sun, 06 Nov 1994 08:49:37 GMT"], .proceed),
      (["If-Match": "\"x\"", "If-Unmodified-Since": "Sun, 06 Nov 1994 08:49:36 GMT"], .proceed),
    ] as [(HTTPHeaders, Preconditions.Outcome)])
  func conditionsAreEvaluatedInOrder(headers: HTTPHeaders, expected: Preconditions.Outcome) {
    #expect(Preconditions.evaluate(headers, isRead: true, etag: "\"x\"", lastModified: Self.time) == expected)
  }

  @Test func rangeIsServedOnlyWhenIfRangeStillHolds() {
    #expect(Preconditions.allowsRange(["If-Range": "\"x\""], etag: "\"x\"", lastModified: Self.time))
    #expect(!Preconditions.allowsRange(["If-Range": "\"y\""], etag: "\"x\"", lastModified: Self.time))
    #expect(!Preconditions.allowsRange(["If-Range": "W/\"x\""], etag: "\"x\"", lastModified: Self.time))
    #expect(
      Preconditions.allowsRange(
        ["If-Range": "Sun, 06 Nov 1994 08:49:37 GMT"], etag: "\"x\"", lastModified: Self.time))
  }

  @Test func percentCodingReadsBackTheSame() throws {
    let text = "a/../b %25+ü🏔"
    let encoded = PercentCoding.encode(text)
    #expect(!encoded.contains("/") && !encoded.contains(" "))
    #expect(PercentCoding.decode(encoded[...]).map { String(decoding: $0, as: UTF8.self) } == text)
    #expect(PercentCoding.decode("%zz") == nil)
    #expect(PercentCoding.decode("%4") == nil)
  }

  @Test func queriesAreTakenApart() throws {
    let query = try #require(QueryParameters("a=1&b=%C3%BC+x&c&a=2"))
    #expect(query["a"] == "1")
    #expect(query["b"] == "ü x")
    #expect(query["c"] == "")
    #expect(query["d"] == nil)
    #expect(QueryParameters("a=%FF") == nil)
  }

  @Test func jsonTextIsEscaped() {
    var json = JSONText()
    json.object { json in
      json.member("a", "q\"\\\n\u{1}ü")
      json.member("b", 7)
      json.member("c", ["x", "y"])
      json.member("d", nil as String?)
    }
    #expect(String(buffer: json.buffer) == #"{"a":"q\"\\\n\u0001ü","b":7,"c":["x","y"],"d":null}"#)
  }
}
