@testable import CairnHTTP
@testable import CairnS3
import NIOCore
import NIOHTTP1

/// Values of header fields and parts of a request's target.
extension FuzzTarget {
  static let httpFields: [FuzzTarget] = [
    FuzzTarget(
      "http-date",
      texts: ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"]
    ) { input in
      guard let seconds = HTTPDate.parse(input.text) else { return }
      // Dates before 1970 and a leap second at the end of 9999 are read, but not written.
      try requireEqual(
        HTTPDate.parse(HTTPDate.format(secondsSinceEpoch: seconds)), min(max(seconds, 0), 253_402_300_799),
        "a date is read as it was written")
    },

    FuzzTarget("byte-range", seeds: rangeSeeds()) { input in
      let (size, rest) = input.number()
      guard case .ranges(let ranges) = RequestedRange(header: rest.text, size: size) else { return }
      try require((1...RequestedRange.countMax).contains(ranges.count), "there are \(ranges.count) ranges")
      for range in ranges {
        try require(
          range.length > 0 && range.offset < size && range.length <= size - range.offset,
          "\(range) is not within \(size) bytes")
        try require(range.contentRange(of: size).hasPrefix("bytes "), "a range has no Content-Range")
      }
    },

    FuzzTarget(
      "preconditions",
      texts: [
        "\"abc\"\n\"abc\"", "W/\"abc\", \"d,e\"\n\"d,e\"", "*\n\"x\"", "Sun, 06 Nov 1994 08:49:37 GMT\n\"x\"",
        "abc\n\"abc\"",
      ]
    ) { input in
      let (etag, rest) = input.line()
      let value = rest.text
      for name in ["if-match", "if-none-match", "if-modified-since", "if-unmodified-since", "if-range"] {
        let headers: HTTPHeaders = [name: value]
        for isRead in [true, false] {
          let outcome = Preconditions.evaluate(headers, isRead: isRead, etag: etag, lastModified: 784_111_777)
          try require(isRead || outcome != .notModified, "a write is answered with 304")
          try require(Preconditions.areIn(headers) || isRead || outcome == .proceed, "a write without conditions fails")
        }
        _ = Preconditions.allowsRange(headers, etag: etag, lastModified: 784_111_777)
        _ = EntityTag.matches(value, etag)
        _ = EntityTag.conditions(headers)
      }
    },

    FuzzTarget(
      "content-disposition",
      texts: [
        #"form-data; name="file"; filename="a\"b.txt""#, "form-data; name=a; filename*=UTF-8''na%C3%AFve.txt",
        "form-data; name=a; filename*=iso-8859-1'en'%A3; filename=x;",
      ]
    ) { input in
      guard let disposition = accepted({ try ContentDisposition(formData: input.bytes) }) else { return }
      for name in [disposition.name, disposition.filename].compactMap(\.self) {
        let header = ContentDisposition.attachment(filename: name)
        try require(header.utf8.allSatisfy { (0x20...0x7E).contains($0) }, "a header has other bytes than ASCII")
        let again = try ContentDisposition(formData: Array(("form-data" + header.dropFirst("attachment".count)).utf8))
        try requireEqual(again.filename.map { Array($0.utf8) }, Array(name.utf8), "a name is read as it was written")
      }
    },

    FuzzTarget("percent-coding", texts: ["a%20b", "%41%c3%A4", "a+b%", "a=1&b=%26&b=2&c"]) { input in
      for plusIsSpace in [false, true] {
        let text = input.text
        guard let bytes = PercentCoding.decode(text[...], plusIsSpace: plusIsSpace) else { continue }
        try require(bytes.count <= text.utf8.count, "decoded bytes are more than encoded ones")
        guard let decoded = PercentCoding.text(of: bytes) else { continue }
        let encoded = PercentCoding.encode(decoded)
        try requireEqual(PercentCoding.decode(encoded[...]), bytes, "what was encoded is decoded again")
      }
      _ = QueryParameters(input.text[...])
    },

    FuzzTarget("base64", texts: ["YWJj", "YWI=", "YQ==", "YWJj\r\nYWI=", "Y W="]) { input in
      for spaceIsPlus in [false, true] {
        let whole = decodeBase64([input.buffer], spaceIsPlus)
        try requireEqual(whole, decodeBase64(input.pieces, spaceIsPlus), "base64 in one piece and in several")
        guard let whole else { continue }
        var encoder = Base64Encoder()
        var text = encoder.encode(ByteBuffer(bytes: whole))
        text.writeImmutableBuffer(encoder.finish())
        let plain = input.bytes.filter { $0 != 0x0A && $0 != 0x0D }.map { spaceIsPlus && $0 == 0x20 ? 0x2B : $0 }
        try requireEqual(Array(text.readableBytesView), plain, "base64 is encoded as it was read")
      }
    },

    FuzzTarget("utf-8", texts: ["abc", "äöü €", "𝄞\u{301}", "0123456789abcdef"]) { input in
      var validator = UTF8Validator()
      let isValid = input.pieces.allSatisfy { validator.accept($0) } && validator.isComplete
      try requireEqual(
        isValid, String(validating: input.bytes, as: UTF8.self) != nil, "UTF-8 in pieces and as Swift sees it")
    },
  ]

  private static func rangeSeeds() -> [[UInt8]] {
    let size: [UInt8] = [0, 0, 0, 0, 0, 0, 4, 0]
    let texts = [
      "bytes=0-4", "bytes=-5", "bytes=5-", "bytes=0-0, 2-3,-1", "bytes = 1023-1024", "bytes=18446744073709551615-",
      "bytes=0-18446744073709551615",
    ]
    return texts.map { size + $0.utf8 } + [[UInt8](repeating: 0xFF, count: 8) + "bytes=0-,-1".utf8]
  }

  private static func decodeBase64(_ pieces: [ByteBuffer], _ spaceIsPlus: Bool) -> [UInt8]? {
    var decoder = Base64Decoder(spaceIsPlus: spaceIsPlus)
    var bytes: [UInt8] = []
    return accepted {
      for piece in pieces { bytes += try decoder.decode(piece).readableBytesView }
      try decoder.finish()
      return bytes
    }
  }
}
