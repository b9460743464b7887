import CairnModel
import NIOCore
import Testing

@Suite struct NodeTokenTests {
  private static let tokens = NodeTokens(key: [UInt8](repeating: 7, count: 32))
  private static let time = Timestamp(clampingMillisecondsSinceEpoch: 1_700_000_000_000)
  private static let prefix = ByteBuffer(repeating: 3, count: 100)
  private static let request = NodeTokens.Request(
    node: NodeID.make(), method: "POST", path: "/volumes/0000000000000001/records", query: "rate=1&x", bodyLength: 120,
    range: "bytes=0-1")

  private static func token(_ request: NodeTokens.Request = request) -> String {
    tokens.authorization(for: request, recordPrefix: prefix, at: time)
  }

  private static func verify(
    _ token: String?, _ request: NodeTokens.Request = request, secondsLater: Int = 0
  ) -> NodeTokens.Verified? {
    let seconds = Int(time.secondsSinceEpoch) + secondsLater
    return tokens.verify(token, for: request, at: Timestamp(clampingMillisecondsSinceEpoch: UInt64(seconds) * 1000))
  }

  @Test func aTokenIsGoodForItsRequestAndItsRecord() throws {
    #expect(try #require(Self.verify(Self.token())).covers(recordPrefix: Self.prefix))
    for seconds in [-300, 300] { #expect(Self.verify(Self.token(), secondsLater: seconds) != nil) }
    for seconds in [-301, 301] { #expect(Self.verify(Self.token(), secondsLater: seconds) == nil) }
  }

  private static let changes: [(name: String, change: @Sendable (inout NodeTokens.Request) -> Void)] = [
    ("another node", { $0.node = NodeID.make() }),
    ("another method", { $0.method = "DELETE" }),
    ("another path", { $0.path = "/volumes/0000000000000002/records" }),
    ("another query", { $0.query = "rate=2&x" }),
    ("no query", { $0.query = "" }),
    ("the query in the path", { ($0.path, $0.query) = ("/volumes/0000000000000001/recordsrate=1&x", "") }),
    ("a piece moved from the query to the path", { ($0.path, $0.query) = ($0.path + "r", $0.query.dropFirst()) }),
    ("a longer body", { $0.bodyLength = 121 }),
    ("a body of unknown length", { $0.bodyLength = nil }),
    ("another range", { $0.range = "bytes=0-2" }),
    ("no range", { $0.range = "" }),
  ]

  @Test(arguments: changes.indices) func anyChangeOfTheHeadIsNoticed(_ index: Int) {
    var request = Self.request
    Self.changes[index].change(&request)
    #expect(Self.verify(Self.token(), request) == nil, "\(Self.changes[index].name)")
  }

  @Test func anyChangeOfTheRecordIsNoticed() throws {
    let verified = try #require(Self.verify(Self.token()))
    for index in 0..<Self.prefix.readableBytes {
      var prefix = Self.prefix
      prefix.setInteger(UInt8(4), at: index)
      #expect(!verified.covers(recordPrefix: prefix))
    }
    #expect(!verified.covers(recordPrefix: ByteBuffer(repeating: 3, count: 99)))
    #expect(!verified.covers(recordPrefix: ByteBuffer()))
  }

  @Test func aTokenForNoRecordOrForAnotherRequestsCoversNone() throws {
    let bare = Self.tokens.authorization(for: Self.request, at: Self.time)
    #expect(try #require(Self.verify(bare)).covers(recordPrefix: Self.prefix) == false)
    // The code of another request's record does not help either.
    var other = Self.request
    other.path = "/volumes/0000000000000002/records"
    let stolen = bare + ":" + (Self.token(other).split(separator: ":").last ?? "")
    #expect(try #require(Self.verify(stolen)).covers(recordPrefix: Self.prefix) == false)
    #expect(try #require(Self.verify(Self.token() + ":00")).covers(recordPrefix: Self.prefix) == false)
  }

  @Test(
    arguments: [
      "", "Cairn", "Cairn ", "Cairn :", "Cairn 1700000000", "Cairn 1700000000:", "Cairn 1700000000:00", "Bearer a:b",
      "Cairn -1:00", "Cairn 18446744073709551615:00", "Cairn 99999999999999999999:00", "Cairn 1700000000:é",
    ]) func malformedTokensAreRefused(_ token: String)
  {
    #expect(Self.verify(token) == nil)
    #expect(Self.verify(nil) == nil)
  }

  @Test func theKeyOfAnotherClusterMakesNoToken() {
    let other = NodeTokens(key: [UInt8](repeating: 8, count: 32))
    #expect(Self.verify(other.authorization(for: Self.request, recordPrefix: Self.prefix, at: Self.time)) == nil)
    #expect(Self.verify(Self.token().replacing("1700000000", with: "1700000001")) == nil)
  }
}
