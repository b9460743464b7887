/// What signatures are for: each port takes those that name its own service, so that nothing that was signed for one port
/// means something at another one.
package enum SigningService: String, CaseIterable, Sendable {
  /// The S3 port.
  case s3
  /// The native port.
  case cairn

  /// How the rules of signing put the path and the query into what is signed.
  package var encoding: CanonicalRequest.Encoding {
    switch self {
    case .s3: .anew
    case .cairn: .twice
    }
  }

  /// What clients sign besides that encode otherwise than the rules.
  ///
  /// No signature may be good for two resources:
  /// - S3: a text that ``CanonicalRequest/Encoding/anew`` makes is the only encoding of its path and query that is its own
  ///   text verbatim, so all three agree about what is named.
  /// - The native port reads `%2F` in a path otherwise than `/`, so its paths are signed as they stand. Encoded once more,
  ///   `%20` is `%2520`: a path that has `%25` is taken only so, or it could be the encoding of another one.
  package func otherEncodings(path: Substring) -> [CanonicalRequest.Encoding] {
    switch self {
    case .s3: [.verbatim, .asSent]
    case .cairn: path.contains("%25") ? [] : [.verbatim, .asSent]
    }
  }
}
