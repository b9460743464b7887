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
  }

  static let terminator = "aws4_request"

  /// As it stands in a string to sign.
  package var text: String { "\(date)/\(region)/\(service)/\(Self.terminator)" }
}

/// Who signed, and with which key: `ID/YYYYMMDD/REGION/SERVICE/aws4_request`.
package struct SigningCredential: Hashable, Sendable {
  package let accessKeyID: String
  package let scope: CredentialScope

  /// nil for a text of another form. The id may have slashes, the scope none.
  package init?(_ text: some StringProtocol) {
    // Bytes, not characters: the boundaries of those are dear to find.
    let parts = Substring(text).utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
      .map { Substring($0) }
    guard parts.count >= 5, parts[parts.count - 1] == CredentialScope.terminator else { return nil }
    let id = parts.dropLast(4).joined(separator: "/")
    let date = parts[parts.count - 4]
    guard !id.isEmpty, date.utf8.count == 8, date.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
    accessKeyID = id
    scope = CredentialScope(
      date: String(date), region: String(parts[parts.count - 3]), service: String(parts[parts.count - 2]))
  }
}
