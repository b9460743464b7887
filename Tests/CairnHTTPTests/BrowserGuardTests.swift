import CairnHTTP
import NIOHTTP1
import Testing

/// Which requests a server without keys takes for those of a web page.
@Suite struct BrowserGuardTests {
  private let guardian = BrowserGuard(
    hosts: ["box.example.org"], origins: ["files.example.org"], domain: "s3.example.org")

  @Test(arguments: [
    "127.0.0.1", "127.0.0.1:8000", "192.0.2.7", "[::1]:8000", "[2001:db8::1]", "localhost", "LOCALHOST:8000",
    "localhost.", "cairn.localhost:8000", "coordinator:8000", "coordinator", "s3.example.org",
    "photos.s3.example.org:9000",
    "a.b.S3.example.org.", "box.example.org:8000", "Files.Example.Org", "",
  ]) func ownHostsAreAnswered(host: String) {
    #expect(guardian.refusal(of: .GET, ["Host": host]) == nil)
    #expect(guardian.refusal(of: .POST, ["Host": host]) == nil)
  }

  @Test(arguments: [
    "evil.example", "evil.example:8000", "127.0.0.1.evil.example", "localhost.evil.example", "notlocalhost.example",
    "evils3.example.org", "example.org", "x.box.example.org", "evil.example.", "evil.example:80:80", "1.2.3.4a",
  ]) func hostsThatAWebPageCanTakeAreRefused(host: String) {
    #expect(guardian.refusal(of: .GET, ["Host": host]) == .host(host))
    #expect(guardian.refusal(of: .HEAD, ["host": host])?.status == .misdirectedRequest)
  }

  @Test func theMessageNamesTheSettingThatHelps() {
    #expect(BrowserRefusal.host("evil.example").description.contains("ALLOWED_HOSTS"))
  }

  @Test(arguments: [
    ("127.0.0.1:8000", "http://127.0.0.1:8000"), ("localhost:8000", "http://LocalHost:8000"),
    ("127.0.0.1:8000", "https://files.example.org"), ("127.0.0.1:8000", "http://files.example.org:3000"),
    ("[::1]:8000", "http://[::1]:8000"),
  ]) func pagesOfThisServerMayChangeSomething(host: String, origin: String) {
    #expect(guardian.refusal(of: .PUT, ["Host": host, "Origin": origin, "Sec-Fetch-Mode": "cors"]) == nil)
  }

  @Test(arguments: [
    "null", "http://evil.example", "http://localhost:3000", "http://127.0.0.1", "http://127.0.0.1:8001", "",
    "https://box.example.org", "http://photos.s3.example.org", "http://files.example.org.evil.example",
    "chrome-extension://abcdefgh",
  ]) func pagesOfOthersMayOnlyRead(origin: String) {
    let headers: HTTPHeaders = ["Host": "127.0.0.1:8000", "Origin": origin]
    for method in [HTTPMethod.POST, .PUT, .DELETE, .PATCH, .RAW(value: "X")] {
      #expect(guardian.refusal(of: method, headers) == .origin(origin))
      #expect(guardian.refusal(of: method, headers)?.status == .forbidden)
    }
    for method in [HTTPMethod.GET, .HEAD, .OPTIONS] { #expect(guardian.refusal(of: method, headers) == nil) }
  }

  @Test(arguments: [("cross-site", true), ("same-site", true), ("same-origin", false), ("none", false)])
  func whereARequestComesFromIsAsked(site: String, isForeign: Bool) {
    let headers: HTTPHeaders = ["Host": "127.0.0.1:8000", "Sec-Fetch-Site": site]
    #expect(guardian.refusal(of: .DELETE, headers) == (isForeign ? .site(site) : nil))
    #expect(guardian.refusal(of: .GET, headers) == nil)
    // Redirected from a page of another site, a request has this server's origin and says so all the same.
    var both = headers
    both.add(name: "Origin", value: "http://127.0.0.1:8000")
    #expect((guardian.refusal(of: .POST, both) != nil) == isForeign)
    var trusted = headers
    trusted.add(name: "Origin", value: "https://files.example.org")
    #expect(guardian.refusal(of: .POST, trusted) == nil)
  }
}
