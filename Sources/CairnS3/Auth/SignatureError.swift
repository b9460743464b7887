/// Why a request is not taken as signed by the one that it names.
package enum SignatureError: Error, Sendable {
  /// What a signature should have been made of, for a client to compare.
  package struct Mismatch: Hashable, Sendable {
    package var accessKeyID: String
    package var stringToSign: String
    package var signature: String
    /// nil for the signature of a chunk.
    package var canonicalRequest: String?
  }

  /// Signed by something else than AWS's version 4.
  case unsupportedScheme
  /// `Authorization` can't be understood.
  case malformedHeader(String)
  /// The `X-Amz-…` parameters of a presigned URL can't be understood.
  case malformedQuery(String)
  case wrongRegion(String, expected: String, isPresigned: Bool)
  /// Both `Authorization` and a presigned URL's parameters.
  case twoSignatures
  /// A parameter of the query that is given twice.
  case repeatedParameter(String)
  /// A header that belongs to the signature, or is signed, and is sent twice.
  case repeatedHeader(String)
  /// Neither `x-amz-date` nor `Date` can be read.
  case noDate
  /// The headers that a signature must cover and doesn't.
  case unsignedHeaders([String])
  case skewed(requestTime: SigningTime, serverTime: SigningTime)
  case expired(at: SigningTime, seconds: Int, serverTime: SigningTime)
  case notYetValid(serverTime: SigningTime)
  case noPayloadHash
  case badPayloadHash(String)
  /// `x-amz-decoded-content-length` is missing or no number.
  case noDecodedLength
  /// Cairn has no sessions.
  case sessionToken
  case unknownKey(String)
  case doesNotMatch(Mismatch)
}
