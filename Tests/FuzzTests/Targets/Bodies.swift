import CairnHTTP
import CairnModel
@testable import CairnS3
import NIOCore
import NIOHTTP1

/// Bodies of requests, which come in pieces: a parser must see the same in them however they are cut.
extension FuzzTarget {
  static let bodies: [FuzzTarget] = [
    FuzzTarget(
      "multipart",
      texts: [
        "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\nbytes\r\n--b--\r\n",
        "preamble\r\n--b \r\ncontent-disposition: form-data; name=x\r\nContent-Type: a/b\r\n\r\n\r\n--b\r\n\r\n\r\n-\r\n--b--",
      ]
    ) { input in
      let type = "multipart/form-data; boundary=b"
      let whole = parts([input.buffer], type)
      try requireEqual(whole, parts(input.pieces, type), "a multipart body in one piece and in several")
      try require(whole.bytes.count <= input.bytes.count, "parts have more bytes than the body")
      let fields = fields([input.buffer], try MultipartFieldParser(contentType: type))
      try requireEqual(
        fields, Self.fields(input.pieces, try MultipartFieldParser(contentType: type)),
        "the fields of a multipart body in one piece and in several")
    },

    FuzzTarget(
      "multipart-type",
      texts: ["multipart/form-data; boundary=abc", "Multipart/Form-Data ; charset=x; Boundary = \"a b\"", "text/plain"]
    ) { input in
      guard var parser = accepted({ try MultipartParser(contentType: input.text) }) else { return }
      parser.feed(ByteBuffer(string: "--abc\r\n\r\n"))
      _ = accepted { while try parser.next() != nil {} }
    },

    FuzzTarget(
      "transfer-encoding", texts: ["base64\nYWJj\r\nYQ==", "quoted-printable\na=3Db =\r\nc=E4 \r\n", "8bit\nabc"]
    ) {
      input in
      let (encoding, rest) = input.line()
      let whole = decoded([rest.buffer], encoding)
      try requireEqual(whole, decoded(rest.pieces, encoding), "an encoded part in one piece and in several")
      try require((whole?.count ?? 0) <= rest.bytes.count, "decoded bytes are more than encoded ones")
    },

    FuzzTarget("urlencoded", texts: ["a=1&b=%C3%A4+x", "a&b=&=c", "a=1&&b=%2"]) { input in
      let whole = fields([input.buffer], URLEncodedFieldParser())
      try requireEqual(whole, fields(input.pieces, URLEncodedFieldParser()), "a form in one piece and in several")
      try require(whole.bytes.count <= input.bytes.count, "fields have more bytes than the form")
    },

    FuzzTarget(
      "json-fields",
      texts: [
        #"{"key": "a\u00e4\ud834\udd1e", "n": -1.5e3, "o": {"x": [null, true, {}]}, "z": null}"#,
        #" {"value":"\"\\\/\b\f\n\r\t", "value": 1}"#,
      ]
    ) { input in
      let whole = fields([input.buffer], JSONFieldParser())
      try requireEqual(whole, fields(input.pieces, JSONFieldParser()), "a JSON object in one piece and in several")
      try require(whole.bytes.count <= input.bytes.count, "fields have more bytes than the object")
    },

    FuzzTarget("json-text", texts: ["plain", "\"\\\n\u{1}\u{7F}ä", "0123456789\"abcdef"]) { input in
      let escaped = JSONText.escaped(input.buffer)
      try requireEqual(escaped.readableBytes, JSONText.escapedLength(input.buffer), "the length of an escaped text")
      guard let text = input.buffer.validatedString else { return }
      var json = JSONText()
      json.object { $0.member("x", text) }
      let read = fields([json.buffer], JSONFieldParser())
      try requireEqual(read.bytes, input.bytes, "a text is read as it was written")
      try requireEqual(
        Array(json.buffer.readableBytesView), Array("{\"x\":\"".utf8) + escaped.readableBytesView + Array("\"}".utf8),
        "a text is escaped in one way")
    },

    FuzzTarget("aws-chunked", seeds: chunkedSeeds()) { input in
      let (length, rest) = input.number()
      // A length that the body can have, most of the time.
      let size = length & 0xFF00 == 0 ? length & 0xFF : length
      for expectsTrailer in [true, false] {
        let decoder = AWSChunkedDecoder(length: size, expectsTrailer: expectsTrailer, signatures: nil)
        let whole = decoded([rest.buffer], decoder)
        try requireEqual(whole, decoded(rest.pieces, decoder), "chunks in one piece and in several")
        guard whole.error == nil else { continue }
        try requireEqual(UInt64(whole.payload.count), size, "the length of the payload")
      }
    },
  ]

  private static func chunkedSeeds() -> [[UInt8]] {
    let bodies: [(UInt8, String)] = [
      (5, "5\r\nhello\r\n0\r\n\r\n"), (3, "1\r\na\r\n2;x=y\r\nbc\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n"),
      (0, "0\r\nx-amz-checksum-sha256: x\r\n\r\n"), (1, "1\r\nx\r\n0\r\n\u{e9}:1\r\n\r\n"),
    ]
    return bodies.map { [0, 0, 0, 0, 0, 0, 0, $0.0] + $0.1.utf8 }
  }

  /// What a body is taken apart into, pieces of one value joined. What came of a body that was refused then does not
  /// count: nobody uses it.
  private struct Parts: Equatable {
    var events: [String] = []
    var bytes: [UInt8] = []
    var isRefused = false

    static func == (left: Parts, right: Parts) -> Bool {
      left.isRefused || right.isRefused
        ? left.isRefused == right.isRefused : left.events == right.events && left.bytes == right.bytes
    }

    mutating func append(_ more: ByteBuffer) {
      bytes += more.readableBytesView
      if events.last?.hasPrefix("bytes up to ") == true { events.removeLast() }
      events.append("bytes up to \(bytes.count)")
    }
  }

  private static func parts(_ pieces: [ByteBuffer], _ contentType: String) -> Parts {
    var parts = Parts()
    do {
      var parser = try MultipartParser(contentType: contentType)
      for piece in pieces {
        parser.feed(piece)
        while let event = try parser.next() {
          switch event {
          case .partBytes(let bytes): parts.append(bytes)
          case .partBegan(let headers):
            parts.events.append("began \(headers.fields.map { [$0.name, String(buffer: $0.value)] })")
          case .partEnded, .finished: parts.events.append("\(event)")
          }
        }
      }
      try parser.finish()
    } catch {
      parts.isRefused = true
    }
    return parts
  }

  private static func fields(_ pieces: [ByteBuffer], _ parser: some FieldParser) -> Parts {
    var parser = parser
    var parts = Parts()
    func take() throws {
      while let event = try parser.next() {
        if case .bytes(let bytes) = event { parts.append(bytes) } else { parts.events.append("\(event)") }
      }
    }
    do {
      for piece in pieces {
        parser.feed(piece)
        try take()
      }
      try parser.finish()
      try take()
    } catch {
      parts.isRefused = true
    }
    return parts
  }

  private static func decoded(_ pieces: [ByteBuffer], _ encoding: String) -> [UInt8]? {
    accepted {
      var decoder = try TransferDecoder(header: ByteBuffer(string: encoding))
      var bytes: [UInt8] = []
      for piece in pieces { bytes += try decoder.decode(piece).readableBytesView }
      try decoder.finish()
      return bytes
    }
  }

  private struct Chunks: Equatable {
    var payload: [UInt8] = []
    var trailers: [String] = []
    var error: AWSChunkedError?
  }

  private static func decoded(_ pieces: [ByteBuffer], _ decoder: AWSChunkedDecoder) -> Chunks {
    var decoder = decoder
    var chunks = Chunks()
    do throws(AWSChunkedError) {
      for piece in pieces {
        var input = piece
        loop: while true {
          switch try decoder.next(&input) {
          case .payload(let bytes): chunks.payload += bytes.readableBytesView
          case .needsMore, .end: break loop
          }
        }
      }
      try decoder.finish()
    } catch {
      chunks.error = error
    }
    chunks.trailers = decoder.trailers.map { "\($0.name): \($0.value)" }
    return chunks
  }
}
