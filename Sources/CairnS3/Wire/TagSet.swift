internal import CairnHTTP
internal import CairnModel

/// Labels of buckets and objects, as requests and answers have them.
enum TagSet {
  static let objectCountMax = 10
  static let bucketCountMax = 50
  /// Characters.
  private static let keyLengthMax = 128
  private static let valueLengthMax = 256

  static func document(_ tags: [ObjectMetadata.Pair]) -> XMLText {
    var xml = XMLText()
    xml.document("Tagging") { xml in
      xml.element("TagSet") { xml in
        for tag in tags {
          xml.element("Tag") { xml in
            xml.element("Key", tag.name)
            xml.element("Value", tag.value)
          }
        }
      }
    }
    return xml
  }

  /// - Throws: `MalformedXML`, `InvalidTag`.
  static func tags(_ document: XMLElement, countMax: Int = objectCountMax) throws(S3Error) -> [ObjectMetadata.Pair] {
    guard let set = document["TagSet"] else { throw .malformedXML }
    var tags: [ObjectMetadata.Pair] = []
    for tag in set.all("Tag") {
      guard let key = tag["Key"]?.text, let value = tag["Value"]?.text else { throw .malformedXML }
      tags.append(.init(key, value))
    }
    return try checked(tags, countMax)
  }

  /// Reads the value of `x-amz-tagging`, which looks like a query.
  static func tags(query text: String) throws(S3Error) -> [ObjectMetadata.Pair] {
    var tags: [ObjectMetadata.Pair] = []
    for pair in text.split(separator: "&") {
      let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard let key = decode(parts[0]), let value = parts.count > 1 ? decode(parts[1]) : "" else {
        throw .invalidArgument(
          "x-amz-tagging", text,
          "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query "
            + "parameters without tag name duplicates.")
      }
      tags.append(.init(key, value))
    }
    return try checked(tags, objectCountMax)
  }

  private static func decode(_ text: Substring) -> String? {
    PercentCoding.decode(text, plusIsSpace: true).flatMap { String(validating: $0, as: UTF8.self) }
  }

  private static func checked(_ tags: [ObjectMetadata.Pair], _ countMax: Int) throws(S3Error) -> [ObjectMetadata.Pair] {
    guard tags.count <= countMax else {
      throw S3Error(.invalidTag, "Object tags cannot be greater than \(countMax)")
    }
    var names: Set<ByteText> = []
    for tag in tags {
      guard (1...keyLengthMax).contains(tag.name.unicodeScalars.count), !ByteText(tag.name).starts(with: "aws:") else {
        throw S3Error(.invalidTag, "The TagKey you have provided is invalid", details: [.init("TagKey", tag.name)])
      }
      guard tag.value.unicodeScalars.count <= valueLengthMax else {
        throw S3Error(
          .invalidTag, "The TagValue you have provided is invalid",
          details: [.init("TagKey", tag.name), .init("TagValue", tag.value)])
      }
      guard names.insert(ByteText(tag.name)).inserted else {
        throw S3Error(
          .invalidTag, "Cannot provide multiple Tags with the same key", details: [.init("TagKey", tag.name)])
      }
    }
    return tags
  }
}
