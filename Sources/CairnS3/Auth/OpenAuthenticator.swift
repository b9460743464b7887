package import CairnHTTP
package import CairnObjects

/// Takes every caller for one who may do everything. Only for those who were explicitly told to serve anybody.
package struct OpenAuthenticator: S3Authenticator {
  package init() {}

  package func authenticate(_ request: HTTPRequest) async throws(S3Error) -> S3Identity { .unrestricted }

  package func body(of request: HTTPRequest, _ identity: S3Identity) throws(S3Error) -> BodySource {
    BodySource(length: request.contentLength, next: { try await request.body.next() })
  }
}
