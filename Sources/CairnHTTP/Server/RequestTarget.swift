internal import NIOHTTP1

extension HTTPRequestHead {
  /// Brings a target in absolute form (`GET http://host/path`, as it is sent to proxies) into the common form: the
  /// authority takes the place of `Host` (RFC 9112, section 3.2.2).
  ///
  /// - Returns: false where the target has neither of the two forms, nor is `*`.
  mutating func takeAuthorityFromTarget() -> Bool {
    if uri.utf8.first == UInt8(ascii: "/") || uri == "*" || method == .CONNECT { return true }
    guard let authorityStart = Self.endOfScheme(uri) else { return false }
    let rest = uri[authorityStart...]
    let end = rest.utf8.firstIndex { Self.endsAuthority($0) } ?? rest.endIndex
    var authority = rest[..<end]
    if let at = authority.utf8.lastIndex(of: UInt8(ascii: "@")) {
      authority = Substring(authority[at...].utf8.dropFirst())
    }
    guard !authority.isEmpty else { return false }
    let target = rest[end...]
    // A signature covers `Host` as its client wrote it: it stays where it names the same server.
    if !Self.isSameServer(headers.first(name: "host") ?? "", authority) {
      headers.replaceOrAdd(name: "Host", value: String(authority))
    }
    uri = target.utf8.first == UInt8(ascii: "/") ? String(target) : "/" + target
    return true
  }

  private static func endOfScheme(_ uri: String) -> String.Index? {
    for scheme in ["http://", "https://"] where uri.utf8.count > scheme.utf8.count {
      let end = uri.utf8.index(uri.startIndex, offsetBy: scheme.utf8.count)
      if uri[..<end].lowercased() == scheme { return end }
    }
    return nil
  }

  private static func endsAuthority(_ byte: UInt8) -> Bool {
    byte == UInt8(ascii: "/") || byte == UInt8(ascii: "?") || byte == UInt8(ascii: "#")
  }

  private static func isSameServer(_ host: String, _ authority: Substring) -> Bool {
    withoutDefaultPort(host.lowercased()) == withoutDefaultPort(authority.lowercased())
  }

  private static func withoutDefaultPort(_ host: String) -> Substring {
    for port in [":80", ":443"] where host.utf8.suffix(port.utf8.count).elementsEqual(port.utf8) {
      return Substring(host.utf8.dropLast(port.utf8.count))
    }
    return host[...]
  }
}
