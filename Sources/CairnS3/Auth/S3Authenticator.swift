package import CairnHTTP
package import CairnModel
package import CairnObjects

/// Finds out who sends a request, and that nobody changed it on its way.
package protocol S3Authenticator: Sendable {
  /// Who sends a request. One that isn't signed is of ``S3Identity/anonymous``.
  ///
  /// - Throws: where a signature is wrong, too old, or by a key that there is not.
  func authenticate(_ request: HTTPRequest) async throws(S3Error) -> S3Identity

  /// The bytes of a request's body, without what the scheme of its signature lays around them. The source verifies them
  /// while they are read; what it throws then is an ``S3Error``.
  func body(of request: HTTPRequest, _ identity: S3Identity) throws(S3Error) -> BodySource
}

/// Who sends a request.
package enum S3Identity: Hashable, Sendable {
  /// Somebody without a key: may do what is public.
  case anonymous
  /// The holder of a key.
  case key(AccessKeyID, S3Grants)
  /// Somebody who is not asked for a key where none is needed: may do everything.
  case unrestricted
}
