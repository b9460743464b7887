package import NIOHTTP1

/// Keeps web pages away from a port that asks nobody for a key.
///
/// A browser sends requests for any page it shows to any server that its machine can reach. `Host` reveals a page that
/// made its own name point to this server (DNS rebinding); `Origin` and `Sec-Fetch-Site` reveal a page of another site.
/// Programs such as curl send neither of the last two.
package struct BrowserGuard: Sendable {
  /// The field, and its value, that keeps a page among the stored objects from acting as one of this server.
  package static let sandboxField = "Content-Security-Policy"
  package static let sandbox = "sandbox"

  /// In lower case.
  private let hosts: [[UInt8]]
  /// Those of ``hosts`` whose pages may change something, in lower case.
  private let origins: [[UInt8]]
  /// Domains that count with all their subdomains, in lower case, each with a dot in front.
  private let domains: [[UInt8]]

  /// - Parameters:
  ///   - hosts: names of this server besides those that no web page can take, which are IP addresses, `localhost` and
  ///     names without a dot.
  ///   - origins: names whose pages are trusted to change something. They are names of this server, too.
  ///   - domain: a domain that belongs to this server with all its subdomains.
  package init(hosts: [String] = [], origins: [String] = [], domain: String? = nil) {
    self.origins = origins.map { Array($0.lowercased().utf8) }
    self.hosts = hosts.map { Array($0.lowercased().utf8) } + self.origins
    domains = (["localhost"] + (domain.map { [$0.lowercased()] } ?? [])).map { Array(".\($0)".utf8) }
  }

  /// Why a request may come from a web page that has no business here; nil for one that may be answered.
  package func refusal(of request: HTTPRequest) -> BrowserRefusal? {
    refusal(of: request.method, request.headers)
  }

  /// Why a request may come from a web page that has no business here; nil for one that may be answered.
  package func refusal(of method: HTTPMethod, _ headers: HTTPHeaders) -> BrowserRefusal? {
    var (host, origin, site): (String?, String?, String?)
    // One pass, and most names differ in length.
    for (name, value) in headers {
      switch name.utf8.count {
      case 4 where name.isField("host"): host = host ?? value
      case 6 where name.isField("origin"): origin = origin ?? value
      case 14 where name.isField("sec-fetch-site"): site = site ?? value
      default: continue
      }
    }
    // HTTP/1.0 has no Host; every browser sends one.
    if let host, !isOwn(host) { return .host(host) }
    guard method != .GET, method != .HEAD, method != .OPTIONS else { return nil }
    if let origin {
      guard let authority = origin.authority else { return .origin(origin) }
      if isTrusted(authority) { return nil }
      guard let host, authority.isEqual(ignoringCaseTo: host.utf8[...]) else { return .origin(origin) }
    }
    if let site, site != "same-origin", site != "none" { return .site(site) }
    return nil
  }

  /// Whether the value of a `Host` field names this server, and no web page could have chosen it.
  private func isOwn(_ host: String) -> Bool {
    if host.utf8.first == UInt8(ascii: "[") { return true }
    guard let name = host.utf8[...].withoutPort else { return false }
    var (hasDot, isNumeric) = (false, true)
    for byte in name {
      if byte == UInt8(ascii: ".") {
        hasDot = true
      } else if byte < UInt8(ascii: "0") || byte > UInt8(ascii: "9") {
        isNumeric = false
      }
    }
    if isNumeric || !hasDot { return true }
    return hosts.contains { name.isEqual(ignoringCaseTo: $0) }
      || domains.contains { name.isEqual(ignoringCaseTo: $0.dropFirst()) || name.ends(with: $0) }
  }

  private func isTrusted(_ authority: Substring.UTF8View) -> Bool {
    guard !origins.isEmpty, let name = authority.withoutPort else { return false }
    return origins.contains { name.isEqual(ignoringCaseTo: $0) }
  }
}

/// Why ``BrowserGuard`` keeps a request out.
package enum BrowserRefusal: Error, Hashable, CustomStringConvertible {
  /// The value of `Host`, which any web page could have made point to this server.
  case host(String)
  /// The value of `Origin`: the request would change something, and comes from a page of somebody else.
  case origin(String)
  /// The value of `Sec-Fetch-Site`, likewise.
  case site(String)

  /// Characters of a request's value that a message repeats.
  private static let shownMax = 255

  package var status: HTTPResponseStatus {
    switch self {
    case .host: .misdirectedRequest
    case .origin, .site: .forbidden
    }
  }

  package var description: String {
    switch self {
    case .host(let value):
      "Host is '\(value.prefix(Self.shownMax))'. This server asks for no access key, and so answers only to IP "
        + "addresses, localhost, names without a dot, S3_DOMAIN and the names in ALLOWED_HOSTS: add this name there, "
        + "or set AUTH=required"
    case .origin(let value):
      "Origin is '\(value.prefix(Self.shownMax))', a web page of another server. This server asks for no access key, "
        + "and so takes changes only from programs and from pages of the names in ALLOWED_HOSTS"
    case .site(let value):
      "Sec-Fetch-Site is '\(value.prefix(Self.shownMax))': the request comes from a web page of another server. This "
        + "server asks for no access key, and so takes changes only from programs and from its own pages"
    }
  }
}

extension String {
  /// What follows `://`; nil for an origin that tells nothing, such as `null`.
  fileprivate var authority: Substring.UTF8View? {
    guard let colon = utf8.firstIndex(of: UInt8(ascii: ":")) else { return nil }
    let rest = utf8[colon...]
    guard rest.starts(with: "://".utf8) else { return nil }
    return rest.dropFirst(3)
  }
}

extension Substring.UTF8View {
  /// A host without its port and without the dot that may end it; nil where something else follows a colon.
  fileprivate var withoutPort: Substring.UTF8View? {
    var name = self
    if let colon = name.firstIndex(of: UInt8(ascii: ":")) {
      let digits = UInt8(ascii: "0")...UInt8(ascii: "9")
      guard name[colon...].dropFirst().allSatisfy(digits.contains) else { return nil }
      name = name[..<colon]
    }
    return name.last == UInt8(ascii: ".") ? name.dropLast() : name
  }

  /// ASCII letters of either case are the same.
  fileprivate func isEqual(ignoringCaseTo other: some Collection<UInt8>) -> Bool {
    count == other.count && zip(self, other).allSatisfy { $0.lowercase == $1.lowercase }
  }

  fileprivate func ends(with suffix: [UInt8]) -> Bool {
    count > suffix.count && self.suffix(suffix.count).isEqual(ignoringCaseTo: suffix)
  }
}

extension UInt8 {
  fileprivate var lowercase: UInt8 {
    (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(self) ? self | 0x20 : self
  }
}
