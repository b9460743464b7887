/// For what a signing key is good: one day, one region, one service.
package struct CredentialScope: Hashable, Sendable {
  /// `YYYYMMDD`, in UTC.
  package let date: String
  package let region: String
  package let service: String

  package init(date: String, region: String, service: String) {
    self.date = date
    self.region = region
    self.service = service
    text = "\(date)/\(region)/\(service)/\(Self.terminator)"
  }

  static let terminator = "aws4_request"

  /// As it stands in a string to sign: all of it, so that it alone is compared.
  package let text: String

  package static func == (left: CredentialScope, right: CredentialScope) -> Bool { left.text == right.text }

  package func hash(into hasher: inout Hasher) {
    hasher.combine(text)
  }
}

/// Who signed, and with which key: `ID/YYYYMMDD/REGION/SERVICE/aws4_request`.
package struct SigningCredential: Hashable, Sendable {
  package let accessKeyID: String
  package let scope: CredentialScope

  /// nil for a text of another form. The id may have slashes, the scope none.
  package init?(_ text: some StringProtocol) {
    // From the end, and by bytes: the boundaries of characters are dear to find.
    var id = Substring(text)
    func cutLast() -> String? {
      guard let slash = id.utf8.lastIndex(of: UInt8(ascii: "/")) else { return nil }
      defer { id = id[..<slash] }
      return String(id[id.utf8.index(after: slash)...])
    }
    guard let terminator = cutLast(), let service = cutLast(), let region = cutLast(), let date = cutLast(),
      terminator == CredentialScope.terminator, !id.isEmpty, date.utf8.count == 8,
      date.utf8.allSatisfy({ (0x30...0x39).contains($0) })
    else { return nil }
    accessKeyID = String(id)
    self.scope = CredentialScope(date: date, region: region, service: service)
  }
}
