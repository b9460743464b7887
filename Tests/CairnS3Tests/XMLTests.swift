import CairnS3
import NIOCore
import Testing

struct XMLTests {
  @Test func everyTextIsEscaped() {
    var xml = XMLText()
    xml.element("A", ["b": "\"<"]) { xml in xml.element("C", "a&b<c>d\"e\u{1}\r\u{F6}\u{1F428}") }
    #expect(
      String(buffer: xml.buffer) == """
        <?xml version="1.0" encoding="UTF-8"?>
        <A b="&quot;&lt;"><C>a&amp;b&lt;c&gt;d&quot;e&#x1;&#xd;\u{F6}\u{1F428}</C></A>
        """)
  }

  @Test func documentIsRead() throws {
    let text = """
      <?xml version="1.0"?>
      <Delete xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><!-- two -->
        <Object><Key>a &amp; b&#x20AC;</Key></Object><Object><Key><![CDATA[<c>]]></Key></Object><Quiet>true</Quiet>
      </Delete>
      """
    let document = try XMLElement(parsing: ByteBuffer(string: text), root: "Delete")
    #expect(document.all("Object").map { $0["Key"]?.text } == ["a & b\u{20AC}", "<c>"])
    #expect(document["Quiet"]?.text == "true")
    #expect(document["Nothing"] == nil)
  }

  @Test func prefixOfANameSpaceIsDropped() throws {
    let text = #"<s:Delete xmlns:s="http://x"><s:Quiet>true</s:Quiet></s:Delete>"#
    #expect(try XMLElement(parsing: ByteBuffer(string: text), root: "Delete")["Quiet"]?.text == "true")
  }

  @Test(arguments: [
    "", "no markup", "<Delete>", "<Delete></Object>", "<Other/>", "<Delete>&nothing;</Delete>",
    "<!DOCTYPE Delete [<!ENTITY a \"b\">]><Delete>&a;</Delete>", "<Delete><?x?></Delete>", "<?x?><Delete/>",
  ])
  func whatIsNoDocumentIsRefused(_ text: String) {
    let error = #expect(throws: S3Error.self) { try XMLElement(parsing: ByteBuffer(string: text), root: "Delete") }
    #expect(error?.code == .malformedXML)
  }

  /// Another encoding would hide what is looked for.
  @Test func encodingsButUTF8AreRefused() throws {
    let hidden = "<?xml version=\"1.0\" encoding=\"UTF-16\"?><!DOCTYPE Delete [<!ENTITY a \"b\">]><Delete/>"
    let seven = "<?xml version=\"1.0\" encoding=\"UTF-7\"?>+ADwAIQ-DOCTYPE Delete [+ADw-!ENTITY a \"b\">]><Delete/>"
    for document in [
      ByteBuffer(bytes: hidden.utf16.flatMap { [UInt8($0 & 0xFF), UInt8($0 >> 8)] }),
      ByteBuffer(bytes: [0xFF, 0xFE] + hidden.utf16.flatMap { [UInt8($0 & 0xFF), UInt8($0 >> 8)] }),
      ByteBuffer(string: seven), ByteBuffer(bytes: "<Delete>".utf8 + [0xFF] + "</Delete>".utf8),
    ] {
      let error = #expect(throws: S3Error.self) { try XMLElement(parsing: document, root: "Delete") }
      #expect(error?.code == .malformedXML)
    }
    let marked = ByteBuffer(string: "\u{FEFF}<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<Delete/>")
    #expect(try XMLElement(parsing: marked, root: "Delete").children == [])
  }

  private static let ofManyAttributes = (0..<9).map { " a\($0)='x'" }.joined()

  @Test(arguments: [
    "<a\(ofManyAttributes)/>", "<a\(String(repeating: "x", count: 5000))/>",
    "<a b='\(String(repeating: ">", count: 5000))'/>", "<!-- \" --><a\(ofManyAttributes)/>",
    "<![CDATA[ <!-- ]]><a\(ofManyAttributes)/>", "<?p <!-- ?><a\(ofManyAttributes)/>",
    "<a b='<!--'/><c\(ofManyAttributes)/>",
  ])
  func attributesAndTagsAreLimitedWhereverTheyHide(_ inner: String) {
    let text = ByteBuffer(string: "<Delete>\(inner)</Delete>")
    let error = #expect(throws: S3Error.self) { try XMLElement(parsing: text, root: "Delete") }
    #expect(error?.code == .malformedXML && error?.message.contains("more than 8 attributes") == true)
  }

  @Test(arguments: [
    "<!-- <a b='1' c='2' <<< -->", "<![CDATA[<a <b <c]]>", "<a b='>' c=\"'>\"/>", "<a>=========='\"</a>",
  ])
  func whatOnlyLooksLikeATagIsNone(_ inner: String) throws {
    _ = try XMLElement(parsing: ByteBuffer(string: "<Delete>\(inner)</Delete>"), root: "Delete")
  }

  /// A parser compares each attribute with all others. Before it sees any, these are refused in the time that it takes to
  /// read them.
  @Test(.timeLimit(.minutes(1))) func manyAttributesCostNoTime() {
    let attributes = (0..<200_000).map { " a\($0)=''" }.joined()
    let clock = ContinuousClock()
    let time = clock.measure {
      #expect(throws: S3Error.self) {
        try XMLElement(parsing: ByteBuffer(string: "<Delete\(attributes)></Delete>"), root: "Delete")
      }
    }
    #expect(time < .seconds(1))
  }

  @Test func depthAndNumberOfElementsAreLimited() {
    let deep = String(repeating: "<a>", count: 100) + String(repeating: "</a>", count: 100)
    let many = String(repeating: "<a/>", count: 100_001)
    for inner in [deep, many] {
      let text = ByteBuffer(string: "<Delete>\(inner)</Delete>")
      let error = #expect(throws: S3Error.self) { _ = try XMLElement(parsing: text, root: "Delete") }
      #expect(error?.code == .malformedXML)
    }
  }
}
