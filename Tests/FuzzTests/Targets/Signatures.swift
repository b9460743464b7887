import CairnHTTP
import CairnModel
@testable import CairnS3
import NIOCore
import NIOHTTP1

/// What is read before anybody knows who sent a request.
extension FuzzTarget {
  static let signatures: [FuzzTarget] = [
    FuzzTarget("signature", texts: signedRequests) { input in
      let lines = input.lines
      guard lines.count >= 3 else { return }
      let request = SignableRequest(
        method: lines[0], path: lines[1][...], query: lines[2][...], headers: headers(lines.dropFirst(3)))
      for service in SigningService.allCases { try verify(request, service, requestLength: input.bytes.count) }
    },

    FuzzTarget(
      "signing-time", texts: ["20130524T000000Z", "Fri, 24 May 2013 00:00:00 GMT", "Mon, 01 Jan 2555 00:00:00 GMT"]
    ) { input in
      guard let time = SigningTime(input.text) else { return }
      let again = SigningTime(secondsSinceEpoch: time.secondsSinceEpoch)
      try require(again.text.utf8.count >= 16, "a time is written as '\(again.text)'")
      try require(time.date.utf8.count == 8, "a day is written as '\(time.date)'")
    },

    FuzzTarget(
      "credential", texts: ["AKID/20130524/us-east-1/s3/aws4_request", "a/b/20130524/r/s3/aws4_request"]
    ) { input in
      guard let credential = SigningCredential(input.text) else { return }
      let text = "\(credential.accessKeyID)/\(credential.scope.text)"
      try requireEqual(Array(text.utf8), Array(input.text.utf8), "a credential read and written")
    },
  ]

  private static func verify(_ request: SignableRequest, _ service: SigningService, requestLength: Int) throws {
    let made = accepted {
      try SignatureClaim(request, service: service, region: "us-east-1", now: signingSeconds)
    }
    guard let claim = made ?? nil else { return }
    _ = accepted { try PayloadForm(claim.payload) }
    let key = SigningKeys().key(for: claim.credential, secret: secret)
    do throws(SignatureError) { try claim.verify(request, key: key) } catch {
      guard case .doesNotMatch(let mismatch) = error else { return }
      // Each byte of a request may become three, or five where it is encoded twice, and each field stands in it once.
      let length = mismatch.canonicalRequest?.utf8.count ?? 0
      try require(length <= 6 * requestLength + 1024, "a request of \(requestLength) bytes makes one of \(length)")
    }
  }

  private static let secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
  /// 2013-05-24T00:00:00Z
  private static let signingSeconds = 1_369_353_600

  /// The requests that AWS publishes as examples, and others of their form.
  private static let signedRequests = [
    """
    GET
    /test.txt

    Host: examplebucket.s3.amazonaws.com
    Range: bytes=0-9
    x-amz-content-sha256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855
    x-amz-date: 20130524T000000Z
    Authorization: AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, \
    SignedHeaders=host;range;x-amz-content-sha256;x-amz-date, \
    Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41
    """,
    """
    GET
    /test.txt
    X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request\
    &X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host\
    &X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404
    Host: examplebucket.s3.amazonaws.com
    """,
    """
    PUT
    /b/a%20b/%c3%A4//.
    b=2&a=1&a&=&%zz
    host: x
    date: Fri, 24 May 2013 00:00:00 GMT
    content-length: 1
    x-amz-content-sha256: STREAMING-UNSIGNED-PAYLOAD-TRAILER
    authorization: AWS4-HMAC-SHA256 Credential=A/20130524/us-east-1/s3/aws4_request,SignedHeaders=host,Signature=0
    """,
  ]
}
