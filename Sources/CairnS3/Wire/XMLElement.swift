internal import CairnModel
internal import Foundation
package import NIOCore

#if canImport(FoundationXML)
  internal import FoundationXML
#endif

/// An element of a document that a client sent: its name without a name space, what is in it, no attributes.
package struct XMLElement: Hashable, Sendable {
  package var name: String
  package var text = ""
  package var children: [XMLElement] = []

  /// Levels of elements; S3's documents have five at the most.
  private static let depthMax = 16
  /// All elements; 1,000 objects to delete, and 10,000 parts, are the largest documents.
  private static let countMax = 100_000

  /// The first child with this name.
  package subscript(name: String) -> XMLElement? { children.first { $0.name == name } }

  /// The children with this name.
  package func all(_ name: String) -> [XMLElement] { children.filter { $0.name == name } }

  init(name: String) {
    self.name = name
  }

  /// Parses a document.
  ///
  /// - Parameters:
  ///   - bytes: UTF-8.
  ///   - root: the name that its element must have.
  /// - Throws: `MalformedXML`, also where it nests too deeply or declares entities.
  package init(parsing bytes: ByteBuffer, root: String) throws(S3Error) {
    guard bytes.validatedString != nil, !bytes.readableBytesView.contains(0) else { throw .malformedXML }
    let data = Self.withoutDeclaration(Data(bytes.readableBytesView))
    // What declares entities may be a thousand times as large as it looks.
    guard data.range(of: Data("<!DOCTYPE".utf8)) == nil, data.range(of: Data("<!ENTITY".utf8)) == nil else {
      throw .malformedXML
    }
    // Foundation's parser ends the process at an instruction without content, and no client of S3 sends any.
    guard data.range(of: Data("<?".utf8)) == nil else { throw .malformedXML }
    let parser = XMLParser(data: data)
    let reader = Reader(depthMax: Self.depthMax, countMax: Self.countMax)
    parser.delegate = reader
    guard parser.parse(), let element = reader.root, element.name == root else { throw .malformedXML }
    self = element
  }

  /// Without `<?xml …?>`, which could tell the parser to read other characters than those that we see.
  private static func withoutDeclaration(_ document: Data) -> Data {
    let byteOrderMark = Data([0xEF, 0xBB, 0xBF])
    let rest = document.starts(with: byteOrderMark) ? document.dropFirst(byteOrderMark.count) : document
    guard rest.starts(with: Data("<?xml".utf8)), let end = rest.range(of: Data("?>".utf8)) else { return rest }
    return rest[end.upperBound...]
  }

  private final class Reader: NSObject, XMLParserDelegate {
    private let depthMax: Int
    private var countLeft: Int
    private var path: [XMLElement] = []
    private(set) var root: XMLElement?

    init(depthMax: Int, countMax: Int) {
      self.depthMax = depthMax
      countLeft = countMax
    }

    func parser(
      _ parser: XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?,
      attributes: [String: String]
    ) {
      countLeft -= 1
      guard path.count < depthMax, countLeft >= 0 else { return parser.abortParsing() }
      path.append(XMLElement(name: name.split(separator: ":").last.map(String.init) ?? name))
    }

    func parser(_ parser: XMLParser, foundCharacters text: String) {
      guard !path.isEmpty else { return }
      path[path.count - 1].text += text
    }

    func parser(_ parser: XMLParser, foundCDATA block: Data) {
      guard !path.isEmpty else { return }
      path[path.count - 1].text += String(decoding: block, as: UTF8.self)
    }

    func parser(
      _ parser: XMLParser, didEndElement name: String, namespaceURI: String?, qualifiedName: String?
    ) {
      guard let element = path.popLast() else { return }
      if path.isEmpty { root = element } else { path[path.count - 1].children.append(element) }
    }
  }
}
