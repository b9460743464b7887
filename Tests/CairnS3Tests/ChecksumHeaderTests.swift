import CairnCatalog
import CairnModel
import CairnObjects
import NIOHTTP1
import Testing

@testable import CairnS3

@Suite struct ChecksumHeaderTests {
  private static let value = Digest([0xCB, 0xF4, 0x39, 0x26])

  private func body(trailers: [ObjectMetadata.Pair] = []) -> BodySource {
    BodySource(length: nil, next: { nil }, trailers: { trailers })
  }

  @Test func aChecksumIsToldInTheHeaderOrAfterTheBody() throws {
    let inHeader = try #require(try ChecksumHeaders.bodyChecksum(["X-Amz-Checksum-CRC32": "y/Q5Jg=="], body()))
    #expect(inHeader.algorithm == .crc32)
    #expect(try inHeader.told() == Self.value)
    let after = body(trailers: [.init("x-amz-checksum-crc32", "y/Q5Jg==")])
    let inTrailer = try #require(try ChecksumHeaders.bodyChecksum(["x-amz-trailer": "x-amz-checksum-crc32"], after))
    #expect(inTrailer.algorithm == .crc32)
    #expect(try inTrailer.told() == Self.value)
    let onlyAsked = try #require(try ChecksumHeaders.bodyChecksum(["x-amz-sdk-checksum-algorithm": "SHA1"], body()))
    #expect(onlyAsked.algorithm == .sha1)
    #expect(try onlyAsked.told() == nil)
    #expect(try ChecksumHeaders.bodyChecksum([:], body()) == nil)
  }

  @Test(arguments: [
    ["x-amz-checksum-crc32": "y/Q5"], ["x-amz-checksum-crc32": "?"], ["x-amz-checksum-sha1": "y/Q5Jg=="],
    ["x-amz-checksum-crc32": "y/Q5Jg==", "x-amz-checksum-crc32c": "y/Q5Jg=="],
    ["x-amz-sdk-checksum-algorithm": "MD5"],
  ])
  func whatIsNoChecksumIsRefused(_ fields: [String: String]) {
    let error = #expect(throws: S3Error.self) {
      try ChecksumHeaders.bodyChecksum(HTTPHeaders(fields.map { ($0, $1) }), body())
    }
    #expect(error?.code == .invalidRequest)
  }

  @Test func aTrailerThatIsNoChecksumIsRefused() throws {
    let after = body(trailers: [.init("x-amz-checksum-crc32", "y/Q5")])
    let checksum = try #require(try ChecksumHeaders.bodyChecksum(["x-amz-trailer": "x-amz-checksum-crc32"], after))
    #expect(throws: S3Error.self) { try checksum.told() }
  }

  @Test(
    arguments: [
      ("CRC32", nil, ObjectChecksum.Kind.composite), ("crc64nvme", nil, .fullObject),
      ("CRC32C", "FULL_OBJECT", .fullObject),
      ("SHA256", "COMPOSITE", .composite), ("SHA1", "FULL_OBJECT", nil), ("CRC64NVME", "COMPOSITE", nil),
      ("MD5", nil, nil), ("CRC32", "OTHER", nil), (nil, "COMPOSITE", nil),
    ] as [(String?, String?, ObjectChecksum.Kind?)])
  func theKindOfAnUploadsChecksumFollowsItsAlgorithm(
    _ algorithm: String?, _ kind: String?, _ expected: ObjectChecksum.Kind?
  ) {
    var headers = HTTPHeaders()
    if let algorithm { headers.add(name: "x-amz-checksum-algorithm", value: algorithm) }
    if let kind { headers.add(name: "x-amz-checksum-type", value: kind) }
    #expect((try? ChecksumHeaders.uploadChecksum(headers))??.kind == expected)
  }
}
