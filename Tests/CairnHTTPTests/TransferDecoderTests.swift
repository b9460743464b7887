import CairnHTTP
import NIOCore
import Testing

@Suite struct TransferDecoderTests {
  private func decode(_ encoding: String?, _ pieces: [[UInt8]]) throws -> [UInt8] {
    var decoder = try TransferDecoder(header: encoding.map { ByteBuffer(string: $0) })
    var bytes: [UInt8] = []
    for piece in pieces { bytes += try decoder.decode(ByteBuffer(bytes: piece)).readableBytesView }
    try decoder.finish()
    return bytes
  }

  @Test(
    arguments: [
      (nil, "a=41\r\n", "a=41\r\n"), ("7bit", "YQ==", "YQ=="), ("8BIT", "\u{E9}", "\u{E9}"), (" binary ", "=", "="),
      ("base64", "YW55IGNhcm5hbCBwbGVh\r\nc3VyZS4=\r\n", "any carnal pleasure."), ("BASE64", "", ""),
      ("quoted-printable", "plain", "plain"), ("quoted-printable", "a=3Db=\r\nc", "a=bc"),
      ("Quoted-Printable", "=e2=82=AC", "\u{20AC}"), ("quoted-printable", "a=\nb", "ab"),
      // Blanks at the end of a line came on the way; others are meant.
      ("quoted-printable", "a \t\r\n b", "a\r\n b"), ("quoted-printable", "a=20\r\nb=  \r\nc ", "a \r\nbc"),
      ("quoted-printable", "cut off=", "cut off"),
    ] as [(String?, String, String)])
  func everySplitGivesTheSameBytes(encoding: String?, text: String, expected: String) throws {
    let bytes = Array(text.utf8)
    for cut in 0...bytes.count {
      let decoded = try decode(encoding, [Array(bytes[..<cut]), Array(bytes[cut...])])
      #expect(decoded == Array(expected.utf8), "cut at \(cut)")
    }
    #expect(try decode(encoding, bytes.map { [$0] }) == Array(expected.utf8))
  }

  @Test(
    arguments: [
      ("base64", "YQ"), ("base64", "Y*=="), ("quoted-printable", "=4"), ("quoted-printable", "=G1"),
      ("quoted-printable", "=  x"), ("quoted-printable", "=\rx"), ("x-uuencode", ""), ("gzip", "x"),
      ("quoted-printable", String(repeating: " ", count: 2000) + "x"),
    ])
  func whatIsNotThatEncodingIsRefused(encoding: String, text: String) {
    #expect(throws: TransferDecoder.Failure.self) { try decode(encoding, [Array(text.utf8)]) }
  }

  @Test func theErrorNamesTheEncodingAndWhatIsAllowed() {
    let failure = #expect(throws: TransferDecoder.Failure.self) { try decode("x-odd", []) }
    #expect(failure?.description.contains("'x-odd'") == true && failure?.description.contains("base64") == true)
  }

  @Test func partsOfFormsAreDecodedWhereverTheirFieldsAreRead() throws {
    let body = """
      --b\r\nContent-Disposition: form-data; name="a"\r\nContent-Transfer-Encoding: base64\r\n\r\naGVs\r\nbG8=\r\n\
      --b\r\nContent-Disposition: form-data; name="b"\r\ncontent-transfer-encoding: Quoted-Printable\r\n\r\na=3D=\r\n\r\n\
      --b\r\nContent-Disposition: form-data; name="c"\r\n\r\naGVsbG8=\r\n--b--\r\n
      """
    for cut in 0...body.utf8.count {
      var parser = try MultipartFieldParser(contentType: "multipart/form-data; boundary=b")
      var values: [String: String] = [:]
      var name = ""
      for piece in [body.utf8.prefix(cut), body.utf8.dropFirst(cut)] {
        parser.feed(ByteBuffer(bytes: piece))
        while let event = try parser.next() {
          switch event {
          case .began(let field, _): name = field
          case .bytes(let bytes): values[name, default: ""] += String(buffer: bytes)
          case .ended: break
          }
        }
      }
      try parser.finish()
      #expect(values == ["a": "hello", "b": "a=", "c": "aGVsbG8="], "cut at \(cut)")
    }
  }
}
