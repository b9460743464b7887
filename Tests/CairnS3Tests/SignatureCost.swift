import CairnS3
import Foundation
import Testing

/// `CAIRN_MEASURE=1 swift test -c release --filter SignatureCost` prints what one check costs.
@Suite(.enabled(if: ProcessInfo.processInfo.environment["CAIRN_MEASURE"] != nil)) struct SignatureCost {
  @Test func checkOfOneRequest() throws {
    let request = SignatureTests.examples[1].request
    let keys = SigningKeys()
    let count = 20_000
    let elapsed = try ContinuousClock().measure {
      for _ in 0..<count {
        let claim = try #require(
          try SignatureClaim(request, service: .s3, region: "us-east-1", now: SignatureTests.now))
        try claim.verify(request, key: keys.key(for: claim.credential, secret: SignatureTests.secret))
      }
    }
    print("one check: \(elapsed / count)")
  }
}
