import CairnCatalog
import CairnHTTP
import CairnModel
import NIOCore
import Testing

@testable import CairnS3

struct ListTests {
  @Test(arguments: ["a", "a/b c", "\u{1F428}", "\u{1}\u{FFFF}", String(repeating: "x", count: 1024)])
  func tokenComesBack(_ name: String) throws {
    #expect(try ContinuationToken(ContinuationToken(startAfter: name).text).startAfter == name)
  }

  @Test(arguments: ["", "a", "!!!", "AGE=", "Af8="])
  func tokenOfSomebodyElseIsRefused(_ text: String) {
    #expect(throws: S3Error.self) { try ContinuationToken(text) }
  }

  @Test(arguments: [("", 1000), ("max-keys=", 1000), ("max-keys=0", 0), ("max-keys=7", 7), ("max-keys=5000", 1000)])
  func pageHasAThousandNamesAtTheMost(_ query: String, _ count: Int) throws {
    #expect(try parameters(query).keysMax == count)
  }

  @Test(arguments: ["max-keys=-1", "max-keys=x", "max-keys=3000000000", "encoding-type=base64"])
  func badParameterIsRefused(_ query: String) {
    let error = #expect(throws: S3Error.self) { try parameters(query) }
    #expect(error?.code == .invalidArgument)
  }

  @Test func keysAreEncodedWhereThatIsAskedFor() throws {
    #expect(try parameters("").encoded("a/b c+\u{F6}") == "a/b c+\u{F6}")
    #expect(try parameters("encoding-type=url").encoded("a/b c+\u{F6}") == "a/b%20c%2B%C3%B6")
  }

  @Test func pageShowsNamesAndPrefixes() throws {
    let digest = Digest([UInt8](repeating: 0xAB, count: 16))
    let attributes = ObjectAttributes(
      size: 5, contentType: "a/b", createdAt: Timestamp(clampingMillisecondsSinceEpoch: 1_255_369_830_500), md5: digest,
      sha256: digest, layout: .inline)
    let head = BlobLocation(volume: VolumeID(rawValue: 1), blob: BlobID(high: 1, low: 1))
    let page = ListPage(
      entries: [.init(key: try ObjectKey("a<b"), object: StoredObject(head: head, attributes: attributes))],
      prefixes: ["c/"], nextStartAfter: nil)
    var xml = XMLText()
    xml.element("L") { xml in try? parameters("").write(to: &xml, page, owner: nil) }
    let hex = String(repeating: "ab", count: 16)
    #expect(
      String(buffer: xml.buffer).hasSuffix(
        "<L><Contents><Key>a&lt;b</Key><LastModified>2009-10-12T17:50:30.000Z</LastModified>"
          + "<ETag>&quot;\(hex)&quot;</ETag><Size>5</Size><StorageClass>STANDARD</StorageClass></Contents>"
          + "<CommonPrefixes><Prefix>c/</Prefix></CommonPrefixes></L>"))
  }

  private func parameters(_ query: String) throws -> ListParameters {
    try ListParameters(#require(QueryParameters(Substring(query))))
  }
}
