import CairnModel
import CairnS3
import NIOCore
import NIOHTTP1
import Testing

struct AWSChunkedTests {
  /// The upload in chunks that AWS publishes: 66,560 times `a`, in chunks of 64 KiB.
  private static let published: (request: SignableRequest, body: [UInt8]) = {
    let signature = "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9"
    let names =
      "content-encoding;content-length;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;x-amz-storage-class"
    let request = SignableRequest(
      method: "PUT", path: "/examplebucket/chunkObject.txt", query: "",
      headers: [
        "Host": "s3.amazonaws.com", "x-amz-date": "20130524T000000Z", "x-amz-storage-class": "REDUCED_REDUNDANCY",
        "Authorization":
          "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,SignedHeaders=\(names),Signature=\(signature)",
        "x-amz-content-sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "Content-Encoding": "aws-chunked",
        "x-amz-decoded-content-length": "66560", "Content-Length": "66824",
      ])
    var body: [UInt8] = []
    for (size, signature) in [
      (65536, "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648"),
      (1024, "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497"),
      (0, "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9"),
    ] {
      body += Array("\(String(size, radix: 16));chunk-signature=\(signature)\r\n".utf8)
      body += [UInt8](repeating: UInt8(ascii: "a"), count: size) + Array("\r\n".utf8)
    }
    return (request, body)
  }()

  private static func publishedSignatures() throws -> ChunkSignatures {
    let request = published.request
    let claim = try #require(try SignatureClaim(request, service: .s3, region: "us-east-1", now: SignatureTests.now))
    let key = SigningKeys().key(for: claim.credential, secret: SignatureTests.secret)
    try claim.verify(request, key: key)
    return ChunkSignatures(claim, key: key)
  }

  /// Decodes pieces; nothing may follow them.
  private static func decode(
    _ pieces: [[UInt8]], _ decoder: AWSChunkedDecoder
  ) throws -> (payload: [UInt8], trailers: HTTPHeaders) {
    var decoder = decoder
    var payload: [UInt8] = []
    for piece in pieces {
      var input = ByteBuffer(bytes: piece)
      loop: while true {
        switch try decoder.next(&input) {
        case .payload(let bytes): payload += Array(bytes.readableBytesView)
        case .needsMore, .end: break loop
        }
      }
    }
    try decoder.finish()
    return (payload, decoder.trailers)
  }

  @Test func publishedChunksAreRight() throws {
    let decoder = AWSChunkedDecoder(length: 66560, expectsTrailer: false, signatures: try Self.publishedSignatures())
    let (payload, _) = try Self.decode([Self.published.body], decoder)
    #expect(payload.count == 66560)
    #expect(payload.allSatisfy { $0 == UInt8(ascii: "a") })
  }

  @Test func changedByteOfASignedChunkIsNoticed() throws {
    // In the first chunk, in the second, and in a signature.
    for place in [1000, 66_000, 30] {
      var body = Self.published.body
      body[place] ^= 1
      let decoder = AWSChunkedDecoder(length: 66560, expectsTrailer: false, signatures: try Self.publishedSignatures())
      let error = #expect(throws: AWSChunkedError.self) { try Self.decode([body], decoder) }
      guard case .badSignature = error else { throw Unexpected(error) }
    }
  }

  // MARK: Without signatures

  private static let trailed = Array(
    "3\r\nabc\r\n0A\r\n0123456789\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\nx-amz-meta:  b: c\r\n\r\n".utf8)

  private static var decoder: AWSChunkedDecoder {
    AWSChunkedDecoder(length: 13, expectsTrailer: true, signatures: nil)
  }

  @Test func everySplitGivesTheSame() throws {
    let body = Self.trailed
    for first in 0...body.count {
      for second in first...body.count {
        let pieces = [Array(body[..<first]), Array(body[first..<second]), Array(body[second...])]
        let (payload, trailers) = try Self.decode(pieces, Self.decoder)
        #expect(String(decoding: payload, as: UTF8.self) == "abc0123456789")
        #expect(trailers["x-amz-checksum-crc32"] == ["AAAAAA=="])
        #expect(trailers["x-amz-meta"] == ["b: c"])
      }
    }
    let bytes = body.map { [$0] }
    #expect(try Self.decode(bytes, Self.decoder).payload.count == 13)
  }

  @Test(arguments: ["\u{E9}:1", ":1", " :1", "a b:1", "a\u{0}:1", "a:\u{0}", "a:\u{1B}", "a:1\r", "a"])
  func aTrailerThatNoFieldCanBeIsRefused(field: String) throws {
    let body = Array("d\r\nabc0123456789\r\n0\r\n\(field)\r\n\r\n".utf8)
    let error = #expect(throws: AWSChunkedError.self) { try Self.decode([body], Self.decoder) }
    guard case .malformedTrailer = error else { throw Unexpected(error) }
  }

  @Test func everyCutIsIncomplete() throws {
    for end in 0..<Self.trailed.count {
      let error = #expect(throws: AWSChunkedError.self) {
        try Self.decode([Array(Self.trailed[..<end])], Self.decoder)
      }
      guard case .incomplete = error else { throw Unexpected(error) }
    }
  }

  @Test func payloadIsASliceOfWhatCame() throws {
    var decoder = Self.decoder
    var input = ByteBuffer(bytes: Self.trailed)
    let storage = input.withUnsafeReadableBytes { $0.baseAddress }
    guard case .payload(let slice) = try decoder.next(&input) else { throw Unexpected(nil) }
    #expect(slice.withUnsafeReadableBytes { $0.baseAddress } == storage.map { $0 + 3 })
  }

  @Test(
    arguments: [
      "4\r\nabc\r\n0\r\n\r\n", "x\r\n", "\r\n", "3\r\nabcd\r\n", ";chunk-signature=1\r\n", "-1\r\n",
      "11111111111111111\r\n", "3;" + String(repeating: "x", count: 600), "0\r\n\r\n",
      "FFFFFFFFFFFFFFFF\r\n", "3\r\nabc\r\n0\r\n:v\r\n\r\n", "3\r\nabc\r\n0\r\nnocolon\r\n\r\n",
      "3\r\nabc\r\n0\r\na:" + String(repeating: "x", count: 9000) + "\r\n\r\n", "3\r\nabc\r\n0\r\n\r\nmore",
    ]) func wrongFramingIsRefused(_ body: String)
  {
    let decoder = AWSChunkedDecoder(length: 3, expectsTrailer: true, signatures: nil)
    #expect(throws: AWSChunkedError.self) { try Self.decode([Array(body.utf8)], decoder) }
  }

  @Test func trailerThatWasNotAnnouncedIsRefused() {
    let decoder = AWSChunkedDecoder(length: 13, expectsTrailer: false, signatures: nil)
    #expect(throws: AWSChunkedError.self) { try Self.decode([Self.trailed], decoder) }
  }
}
