import CairnHTTP
import Testing

@testable import CairnS3

struct BodyErrorTests {
  @Test(
    arguments: [
      (.idle(seconds: 60), .requestTimeout), (.slow(bytesPerSecond: 1024), .requestTimeout), (.cutOff, .incompleteBody),
      (.malformed("x"), .incompleteBody),
    ] as [(HTTPBodyError, S3ErrorCode)])
  func aSlowClientIsToldToTryAgain(error: HTTPBodyError, code: S3ErrorCode) {
    #expect(S3Error(readingBody: error).code == code)
  }
}
