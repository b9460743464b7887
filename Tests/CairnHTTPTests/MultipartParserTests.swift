import CairnHTTP
import NIOCore
import Testing

@Suite struct MultipartParserTests {
  /// Name and bytes of each part.
  private typealias Parts = [[String]]

  private static let form = [
    "--b0undary", "Content-Disposition: form-data; name=\"before\"", "", "1",
    "--b0undary", "Content-Disposition: form-data; name=\"file\"; filename=\"a.txt\"", "Content-Type: text/plain", "",
    "one\r\ntwo\r\n--b0undar not yet\r\n\r\n--", "--b0undary", "Content-Disposition: form-data; name=\"empty\"", "", "",
    "--b0undary--", "epilogue",
  ].joined(separator: "\r\n")

  private static let parts: Parts = [
    ["form-data; name=\"before\"", "1"],
    ["form-data; name=\"file\"; filename=\"a.txt\"", "one\r\ntwo\r\n--b0undar not yet\r\n\r\n--"],
    ["form-data; name=\"empty\"", ""],
  ]

  private func parse(
    _ pieces: [[UInt8]], contentType: String = "multipart/form-data; boundary=b0undary"
  ) throws -> [[String]] {
    var parser = try MultipartParser(contentType: contentType)
    var parts: Parts = []
    for piece in pieces {
      parser.feed(ByteBuffer(bytes: piece))
      while let event = try parser.next() {
        switch event {
        case .partBegan(let headers):
          parts.append([headers["content-disposition"].map { String(buffer: $0) } ?? "", ""])
        case .partBytes(let bytes): parts[parts.count - 1][1] += String(buffer: bytes)
        case .partEnded, .finished: break
        }
      }
    }
    try parser.finish()
    return parts
  }

  @Test func everySplitInTwoGivesTheSameParts() throws {
    let bytes = Array(Self.form.utf8)
    for cut in 0...bytes.count {
      #expect(try parse([Array(bytes[..<cut]), Array(bytes[cut...])]) == Self.parts)
    }
  }

  @Test(arguments: 1...17) func everyPieceSizeGivesTheSameParts(size: Int) throws {
    let bytes = Array(Self.form.utf8)
    let pieces = stride(from: 0, to: bytes.count, by: size).map { Array(bytes[$0..<min($0 + size, bytes.count)]) }
    #expect(try parse(pieces) == Self.parts)
  }

  @Test func everyCutBeforeTheLastBoundaryIsAnError() throws {
    let bytes = Array(Self.form.utf8)
    let end = bytes.count - "epilogue".utf8.count - 2
    for length in 0..<end {
      #expect(throws: MultipartError.self) { try parse([Array(bytes[..<length])]) }
    }
  }

  @Test func preambleAndPaddingAreSkipped() throws {
    let body = "preamble\r\n--b0undary \t\r\n\r\nx\r\n--b0undary-- "
    #expect(try parse([Array(body.utf8)]) == [["", "x"]])
  }

  @Test(
    arguments: [
      (nil, MultipartError.noBoundary), ("text/plain", .noBoundary), ("multipart/form-data", .noBoundary),
      ("multipart/form-data; boundary=", .noBoundary),
      ("multipart/form-data; boundary=\"\"", .badBoundary),
      ("multipart/form-data; boundary=\(String(repeating: "x", count: 201))", .badBoundary),
    ] as [(String?, MultipartError)])
  func contentTypesWithoutAUsableBoundaryAreRefused(contentType: String?, error: MultipartError) {
    #expect(throws: error) { try MultipartParser(contentType: contentType) }
  }

  @Test func quotedBoundariesWork() throws {
    #expect(
      try parse([Array("--a b\r\n\r\nx\r\n--a b--".utf8)], contentType: "Multipart/Form-Data; boundary=\"a b\"")
        == [["", "x"]])
  }

  @Test(arguments: [
    ("--b0undaryX\r\n\r\n", MultipartError.badDelimiter), ("--b0undary\r\nno colon\r\n\r\n", .badHeader),
    ("--b0undary\r\nA: " + String(repeating: "x", count: 20_000), .headersTooLong),
  ])
  func malformedFormsAreRefused(body: String, error: MultipartError) {
    #expect(throws: error) { try parse([Array(body.utf8)]) }
  }
}

@Suite struct ContentDispositionTests {
  @Test(
    arguments: [
      ("form-data; name=\"file\"; filename=\"a.txt\"", "file", "a.txt"),
      ("form-data; name=file; filename=a.txt", "file", "a.txt"),
      ("form-data; name=\"file\"; filename=\"q\\\"u\\\\o\"", "file", "q\"u\\o"),
      ("form-data; name=\"file\"; filename=\"C:\\dir\\f\"", "file", "C:\\dir\\f"),
      ("form-data; name=\"file\"; filename=\"ünï 🏔.txt\"", "file", "ünï 🏔.txt"),
      ("form-data; name=\"file\"; filename=\"x\"; filename*=UTF-8''na%C3%AFve%20%25", "file", "naïve %"),
      ("form-data; name=\"file\"; filename*=iso-8859-1'en'%e9", "file", "é"),
      ("form-data; name=\"file\"; filename=\"a;b=c\"", "file", "a;b=c"),
      ("form-data; name=\"x\";", "x", nil),
    ] as [(String, String, String?)])
  func formsNameTheirFiles(header: String, name: String, filename: String?) throws {
    let disposition = try ContentDisposition(formData: header.utf8)
    #expect(disposition.name == name)
    #expect(disposition.filename == filename)
  }

  @Test func malformedOnesAreRefused() {
    #expect(throws: ContentDisposition.Failure.notFormData) { try ContentDisposition(formData: "attachment".utf8) }
    #expect(throws: ContentDisposition.Failure.malformed) {
      try ContentDisposition(formData: "form-data; name=\"open".utf8)
    }
    #expect(throws: ContentDisposition.Failure.encoding) {
      try ContentDisposition(formData: Array("form-data; filename=\"".utf8) + [0xFF] + Array("\"".utf8))
    }
  }

  @Test(arguments: [
    ("a.txt", "attachment; filename=\"a.txt\""),
    ("a \"b\"", "attachment; filename=\"a \\\"b\\\"\""),
    ("é%", "attachment; filename=\"_%\"; filename*=UTF-8''%C3%A9%25"),
  ])
  func answersNameTheFile(name: String, header: String) {
    #expect(ContentDisposition.attachment(filename: name) == header)
  }
}
