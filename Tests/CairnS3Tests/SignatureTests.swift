import CairnModel
import CairnS3
import NIOHTTP1
import Testing

/// The examples that AWS publishes with the description of version 4 for S3.
struct SignatureTests {
  static let secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
  /// 2013-05-24 00:00:00.
  static let now = 1_369_353_600
  private static let host = ("Host", "examplebucket.s3.amazonaws.com")
  private static let date = ("x-amz-date", "20130524T000000Z")
  private static let emptyHash = (
    "x-amz-content-sha256", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
  )

  struct Example: Sendable, CustomTestStringConvertible {
    var method: String
    var path: String
    var query = ""
    var headers: [(String, String)]
    var signedHeaders: String
    var signature: String

    var testDescription: String { "\(method) \(path)?\(query)" }

    var request: SignableRequest {
      let authorization =
        "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,SignedHeaders=\(signedHeaders),Signature=\(signature)"
      return SignableRequest(
        method: method, path: path[...], query: query[...],
        headers: HTTPHeaders(headers + [("Authorization", authorization)]))
    }
  }

  static let examples = [
    Example(
      method: "GET", path: "/test.txt", headers: [host, ("Range", "bytes=0-9"), emptyHash, date],
      signedHeaders: "host;range;x-amz-content-sha256;x-amz-date",
      signature: "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"),
    Example(
      method: "PUT", path: "/test%24file.text",
      headers: [
        host, date, ("Date", "Fri, 24 May 2013 00:00:00 GMT"), ("x-amz-storage-class", "REDUCED_REDUNDANCY"),
        ("x-amz-content-sha256", "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072"),
      ],
      signedHeaders: "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
      signature: "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"),
    Example(
      method: "GET", path: "/", query: "lifecycle", headers: [host, date, emptyHash],
      signedHeaders: "host;x-amz-content-sha256;x-amz-date",
      signature: "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"),
    Example(
      method: "GET", path: "/", query: "max-keys=2&prefix=J", headers: [host, date, emptyHash],
      signedHeaders: "host;x-amz-content-sha256;x-amz-date",
      signature: "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"),
  ]

  static func verify(
    _ request: SignableRequest, secret: String = secret, service: SigningService = .s3, region: String = "us-east-1",
    now: Int = now
  ) throws {
    let claim = try #require(try SignatureClaim(request, service: service, region: region, now: now))
    try claim.verify(request, key: SigningKeys().key(for: claim.credential, secret: secret))
  }

  private static let presigned = SignableRequest(
    method: "GET", path: "/test.txt",
    query:
      "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404",
    headers: HTTPHeaders([host]))

  @Test(arguments: examples) func publishedSignaturesAreRight(_ example: Example) throws {
    try Self.verify(example.request)
  }

  @Test(arguments: examples) func everyChangeOfASignedPartIsNoticed(_ example: Example) throws {
    let request = example.request
    var changed: [SignableRequest] = []
    for change in [
      { (request: inout SignableRequest) in request.method = "DELETE" },
      { $0.path = $0.path + "/" },
      { $0.query = $0.query + "&x" },
      { $0.headers.replaceOrAdd(name: "x-amz-date", value: "20130524T000001Z") },
      { $0.headers.replaceOrAdd(name: "host", value: "other.s3.amazonaws.com") },
      { $0.headers.replaceOrAdd(name: "x-amz-content-sha256", value: "UNSIGNED-PAYLOAD") },
    ] {
      var copy = request
      change(&copy)
      changed.append(copy)
    }
    for request in changed {
      let error = #expect(throws: SignatureError.self) { try Self.verify(request) }
      guard case .doesNotMatch = error else {
        Issue.record("\(String(describing: error))")
        continue
      }
    }
    #expect(throws: SignatureError.self) { try Self.verify(request, secret: Self.secret + "x") }
  }

  /// Before 1970, after the last nanosecond of 64 bits, at the end of years with four digits: nothing but skewed.
  @Test(arguments: [
    ("Mon, 01 Jan 2555 00:00:00 GMT", "25550101"), ("Fri, 31 Dec 9999 23:59:60 GMT", "99991231"),
    ("Mon, 01 Jan 1900 00:00:00 GMT", "19700101"), ("99991231T235960Z", "99991231"),
    ("25540721T233434Z", "25540721"), ("Saturday, 01-Jan-70 00:00:00 GMT", "20700101"),
  ])
  func signaturesOfAnyYearAreSkewedAtMost(date: String, scope: String) throws {
    let request = SignableRequest(
      method: "GET", path: "/", query: "",
      headers: [
        "Host": "a", "Date": date,
        "Authorization":
          "AWS4-HMAC-SHA256 Credential=A/\(scope)/us-east-1/s3/aws4_request,SignedHeaders=host,Signature=0",
      ])
    let error = #expect(throws: SignatureError.self) {
      try SignatureClaim(request, service: .s3, region: "us-east-1", now: Self.now)
    }
    switch error {
    case .skewed, .malformedHeader: break
    default: throw Unexpected(error)
    }
  }

  @Test func mismatchTellsWhatShouldHaveBeenSigned() throws {
    var request = Self.examples[0].request
    request.headers.replaceOrAdd(name: "range", value: "bytes=0-8")
    let error = #expect(throws: SignatureError.self) { try Self.verify(request) }
    guard case .doesNotMatch(let mismatch) = error else { throw Unexpected(error) }
    #expect(mismatch.accessKeyID == "AKIAIOSFODNN7EXAMPLE")
    #expect(
      mismatch.stringToSign.hasPrefix(
        "AWS4-HMAC-SHA256\n20130524T000000Z\n20130524/us-east-1/s3/aws4_request\n"))
    #expect(mismatch.canonicalRequest?.hasPrefix("GET\n/test.txt\n\nhost:examplebucket.s3.amazonaws.com\n") == true)
  }

  // MARK: Presigned

  @Test func presignedURLHoldsUntilItExpires() throws {
    for seconds in [0, -Self.skew, 86_400] { try Self.verify(Self.presigned, now: Self.now + seconds) }
    let late = #expect(throws: SignatureError.self) { try Self.verify(Self.presigned, now: Self.now + 86_401) }
    guard case .expired(_, 86_400, _) = late else { throw Unexpected(late) }
    let early = #expect(throws: SignatureError.self) { try Self.verify(Self.presigned, now: Self.now - Self.skew - 1) }
    guard case .notYetValid = early else { throw Unexpected(early) }
  }

  @Test(
    arguments: [
      ("X-Amz-Expires=86400", "X-Amz-Expires=0"), ("X-Amz-Expires=86400", "X-Amz-Expires=604801"),
      ("X-Amz-Expires=86400", "X-Amz-Expires=soon"), ("X-Amz-Expires=86400&", ""),
      ("aws4_request", "aws5_request"), ("%2Fs3%2F", "%2Fec2%2F"), ("AWS4-HMAC-SHA256", "AWS4-HMAC-SHA1"),
      ("Credential=AKIAIOSFODNN7EXAMPLE%2F20130524", "Credential=AKIAIOSFODNN7EXAMPLE%2F20130523"),
      ("X-Amz-Date=20130524T000000Z", "X-Amz-Date=yesterday"),
    ]) func malformedPresignedURL(_ part: String, _ replacement: String) throws
  {
    var request = Self.presigned
    request.query = request.query.replacing(part, with: replacement)
    let error = #expect(throws: SignatureError.self) { try Self.verify(request) }
    guard case .malformedQuery = error else { throw Unexpected(error) }
  }

  // MARK: Headers

  private static let skew = SignatureClaim.skewMaxSeconds

  /// As curl 7.88 signs: no hash of what isn't sent, the query as it is.
  private static let oldCurl = Example(
    method: "GET", path: "/photos/", query: "list-type=2&acl&prefix=a/&delimiter=%2f", headers: [host, date],
    signedHeaders: "host;x-amz-date", signature: "c0b40c8f560cae91b0f49b46c29a14a96980cc3fd5f1e5f19c456946f7007e37")

  @Test func queryMayBeSignedAsItIsSent() throws {
    try Self.verify(Self.oldCurl.request)
    for query in ["list-type=2&acl=&prefix=a/&delimiter=%2f", "acl&list-type=2&prefix=a/&delimiter=%2f", ""] {
      var request = Self.oldCurl.request
      request.query = query[...]
      #expect(throws: SignatureError.self) { try Self.verify(request) }
    }
  }

  @Test(arguments: [("Content-Length", "1"), ("Transfer-Encoding", "chunked")])
  func bodyNeedsAHash(_ name: String, _ value: String) throws {
    var request = Self.oldCurl.request
    request.headers.add(name: "Content-Length", value: "0")
    try Self.verify(request)
    request.headers.replaceOrAdd(name: name, value: value)
    let error = #expect(throws: SignatureError.self) { try Self.verify(request) }
    guard case .noPayloadHash = error else { throw Unexpected(error) }
  }

  @Test func clockMayBeAQuarterOfAnHourOff() throws {
    let request = Self.examples[0].request
    for seconds in [-Self.skew, Self.skew] { try Self.verify(request, now: Self.now + seconds) }
    for seconds in [-Self.skew - 1, Self.skew + 1] {
      let error = #expect(throws: SignatureError.self) { try Self.verify(request, now: Self.now + seconds) }
      guard case .skewed = error else { throw Unexpected(error) }
    }
  }

  @Test func regionMustBeOurs() throws {
    let error = #expect(throws: SignatureError.self) {
      try Self.verify(Self.examples[0].request, region: "eu-central-1")
    }
    guard case .wrongRegion("us-east-1", "eu-central-1", false) = error else { throw Unexpected(error) }
  }

  @Test func amazonHeadersMustBeSigned() throws {
    var request = Self.examples[0].request
    request.headers.add(name: "X-Amz-Acl", value: "public-read")
    let error = #expect(throws: SignatureError.self) { try Self.verify(request) }
    guard case .unsignedHeaders(["x-amz-acl"]) = error else { throw Unexpected(error) }
  }

  @Test func headersOfCairnMustBeSigned() throws {
    var request = Self.examples[0].request
    request.headers.add(name: "X-Cairn-Copy-Source", value: "another")
    let error = #expect(throws: SignatureError.self) { try Self.verify(request) }
    guard case .unsignedHeaders(["x-cairn-copy-source"]) = error else { throw Unexpected(error) }
  }

  @Test(arguments: ["x-amz-date", "X-Amz-Content-Sha256", "host", "range"])
  func aSignedHeaderIsSentOnce(_ name: String) throws {
    var request = Self.examples[0].request
    let value = try #require(request.headers.first(name: name))
    request.headers.add(name: name, value: value)
    let error = #expect(throws: SignatureError.self) { try Self.verify(request) }
    guard case .repeatedHeader(name.lowercased()) = error else { throw Unexpected(error) }
  }

  @Test func aSignatureForAnotherPortsServiceIsRefused() throws {
    let header = #expect(throws: SignatureError.self) {
      try Self.verify(Self.examples[0].request, service: .cairn)
    }
    guard case .malformedHeader = header else { throw Unexpected(header) }
    let query = #expect(throws: SignatureError.self) { try Self.verify(Self.presigned, service: .cairn) }
    guard case .malformedQuery = query else { throw Unexpected(query) }
  }

  /// The host is signed, so a bucket in it does not become one in the path.
  @Test func aSignatureForABucketInTheHostIsNoneForOneInThePath() throws {
    var request = Self.presigned
    request.headers.replaceOrAdd(name: "host", value: "s3.amazonaws.com")
    for path in ["/examplebucket/test.txt", "/test.txt"] {
      request.path = path[...]
      let error = #expect(throws: SignatureError.self) { try Self.verify(request) }
      guard case .doesNotMatch = error else { throw Unexpected(error) }
    }
  }

  @Test func aSessionTokenIsRefusedWhereverItStands() throws {
    var request = Self.presigned
    request.query += "&X-Amz-Security-Token=a"
    let error = #expect(throws: SignatureError.self) { try Self.verify(request) }
    guard case .sessionToken = error else { throw Unexpected(error) }
  }

  @Test(
    arguments: [
      "AWS AKIAIOSFODNN7EXAMPLE:frJIUN8DYpKDtOLCwo//yllqDzg=", "Basic dXNlcjpwYXNz", "AWS4-HMAC-SHA256",
      "AWS4-HMAC-SHA256X Credential=a", "AWS4-ECDSA-P256-SHA256 Credential=a",
    ]) func otherSchemesAreRefused(_ authorization: String) throws
  {
    var request = Self.examples[0].request
    request.headers.replaceOrAdd(name: "authorization", value: authorization)
    let error = #expect(throws: SignatureError.self) { try Self.verify(request) }
    guard case .unsupportedScheme = error else { throw Unexpected(error) }
  }

  @Test(
    arguments: [
      " nothing", " Credential=a/20130524/us-east-1/s3/aws4_request, SignedHeaders=host",
      " Credential=20130524/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=a",
      " Credential=a/20130524/us-east-1/s3/aws4_request, SignedHeaders=, Signature=a",
      " Credential=a/20130524/us-east-1/iam/aws4_request, SignedHeaders=host, Signature=a",
      " Credential=a/20130523/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=a",
      " Credential=a/20130524/us-east-1/s3/aws4_request, SignedHeaders=Host, Signature=a",
    ]) func malformedAuthorization(_ fields: String) throws
  {
    var request = Self.examples[0].request
    request.headers.replaceOrAdd(name: "authorization", value: "AWS4-HMAC-SHA256" + fields)
    let error = #expect(throws: SignatureError.self) { try Self.verify(request) }
    guard case .malformedHeader = error else { throw Unexpected(error) }
  }

  /// A request of 64 KiB would make a text of hundreds of megabytes.
  @Test(arguments: [
    "host;" + String(repeating: "x-amz-date;", count: 200) + "x-amz-date",
    (0..<300).map { "a\($0)" }.joined(separator: ";"),
  ]) func signedHeadersCanNotBeRepeatedAtWill(_ names: String) throws {
    var request = Self.examples[0].request
    let fields = " Credential=a/20130524/us-east-1/s3/aws4_request, SignedHeaders=\(names), Signature=a"
    request.headers.replaceOrAdd(name: "authorization", value: "AWS4-HMAC-SHA256" + fields)
    let error = #expect(throws: SignatureError.self) { try Self.verify(request) }
    guard case .malformedHeader = error else { throw Unexpected(error) }
  }

  @Test func unsignedRequestClaimsNothing() throws {
    let request = SignableRequest(method: "GET", path: "/a", query: "prefix=X-Amz-", headers: ["Host": "h"])
    #expect(try SignatureClaim(request, service: .s3, region: "us-east-1", now: Self.now) == nil)
  }
}

struct Unexpected: Error {
  let error: (any Error)?

  init(_ error: (any Error)?) {
    self.error = error
  }
}

struct CanonicalRequestTests {
  private static func lines(
    _ path: String, _ query: String = "", _ headers: HTTPHeaders = [:],
    _ encoding: CanonicalRequest.Encoding = .anew
  ) throws -> [String] {
    let names = Set(headers.map { $0.name.lowercased() }).sorted()
    let bytes = try CanonicalRequest.bytes(
      of: SignableRequest(method: "GET", path: path[...], query: query[...], headers: headers),
      signedHeaders: names.map { $0[...] }, payload: "p", encoding: encoding)
    return String(decoding: bytes, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false).map(
      String.init)
  }

  @Test(
    arguments: [
      ("", "/"), ("/", "/"), ("//", "//"), ("/b//a", "/b//a"), ("/b/../a/./c", "/b/../a/./c"), ("/b/a%2Fc", "/b/a/c"),
      ("/b/a+c", "/b/a%2Bc"), ("/b/a%20c", "/b/a%20c"), ("/b/%e2%82%ac", "/b/%E2%82%AC"), ("/b/€", "/b/%E2%82%AC"),
      ("/b/~a-._", "/b/~a-._"), ("/b/%7ea", "/b/~a"), ("/b/a%", "/b/a%25"), ("/b/a*'()!", "/b/a%2A%27%28%29%21"),
      ("/b/%00", "/b/%00"),
    ]) func path(_ path: String, _ canonical: String) throws
  {
    #expect(try Self.lines(path)[1] == canonical)
  }

  @Test(
    arguments: [
      ("", ""), ("acl", "acl="), ("b&a=", "a=&b="), ("b=2&a=1", "a=1&b=2"), ("a-b=1&a=2", "a=2&a-b=1"),
      ("a=x+y%20z", "a=x%20y%20z"), ("a=%2B", "a=%2B"), ("a=b=c", "a=b%3Dc"), ("a=1&%41=0", "A=0&a=1"),
      ("a=/&&b", "a=%2F&b="), ("k=é", "k=%C3%A9"), ("a=1&X-Amz-Signature=00", "a=1"),
    ]) func query(_ query: String, _ canonical: String) throws
  {
    #expect(try Self.lines("/", query)[2] == canonical)
  }

  @Test(
    arguments: [
      ("/blob/a%20b", "/blob/a%2520b"), ("/blob/a%2Fb", "/blob/a%252Fb"), ("/blob/a@b", "/blob/a%40b"),
      ("/a/b", "/a/b"),
    ]) func otherServicesEncodeThePathOnceMore(_ path: String, _ canonical: String) throws
  {
    let lines = try Self.lines(path, "b=%7e&a", [:], .twice)
    #expect(lines[1] == canonical)
    #expect(lines[2] == "a=&b=~")
  }

  @Test func headersAreTrimmed() throws {
    let lines = try Self.lines("/", "", ["X-B": "  a \t  b ", "x-a": "1"])
    #expect(lines[3] == "x-a:1")
    #expect(lines[4] == "x-b:a b")
    #expect(lines[6] == "x-a;x-b")
  }

  @Test func onlyMetadataOfUsersMayBeSentInSeveralHeaders() throws {
    let lines = try Self.lines("/", "", ["x-amz-meta-a": "2", "X-Amz-Meta-A": "", "x-amz-meta-A": "1"])
    #expect(lines[3] == "x-amz-meta-a:2,,1")
    for name in ["x-amz-date", "X-Amz-Copy-Source", "host", "x-cairn-copy-source", "range"] {
      let error = #expect(throws: SignatureError.self) { try Self.lines("/", "", [name: "a", name.lowercased(): "b"]) }
      guard case .repeatedHeader(name.lowercased()) = error else { throw Unexpected(error) }
    }
  }

  @Test(
    arguments: ["a=1&a=2", "a&a", "A=1&a=1&%41=0", "p%61rt=1&x&part=2", "X-Amz-Signature=0&X-Amz-Signature=1"],
    [CanonicalRequest.Encoding.anew, .twice])
  func aParameterMayBeGivenOnce(_ query: String, _ encoding: CanonicalRequest.Encoding) throws {
    let error = #expect(throws: SignatureError.self) { try Self.lines("/", query, [:], encoding) }
    guard case .repeatedParameter = error else { throw Unexpected(error) }
  }
}
