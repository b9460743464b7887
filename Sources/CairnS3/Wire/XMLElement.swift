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
  /// - Throws: `MalformedXML`, also where it declares entities, or is past one of ``XMLLimits``.
  package init(parsing bytes: ByteBuffer, root: String) throws(S3Error) {
    guard bytes.validatedString != nil, !bytes.readableBytesView.contains(0) else { throw .malformedXML }
    guard XMLLimits.allow(bytes) else {
      throw S3Error(
        .malformedXML,
        "The XML you provided declares a document type, nests more than \(XMLLimits.depthMax) levels, or has more than "
          + "\(XMLLimits.elementsMax) elements, or an element with more than \(XMLLimits.attributesMax) attributes or "
          + "\(XMLLimits.tagBytesMax) bytes")
    }
    let data = Self.withoutDeclaration(Data(bytes.readableBytesView))
    // Foundation's parser ends the process at an instruction without content, and no client of S3 sends any.
    guard data.range(of: Data("<?".utf8)) == nil else { throw .malformedXML }
    let parser = XMLParser(data: data)
    let reader = Reader()
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
    private var path: [XMLElement] = []
    private(set) var root: XMLElement?

    func parser(
      _ parser: XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?,
      attributes: [String: String]
    ) {
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
