internal import CairnCatalog
internal import CairnHTTP
internal import CairnModel
internal import CairnObjects

/// What both kinds of lists are asked for.
struct ListParameters: Sendable {
  let prefix: String
  /// nil where nothing is rolled up.
  let delimiter: String?
  /// Names and common prefixes together.
  let keysMax: Int
  /// Keys are percent-encoded: XML has no place for some of the characters that they may have.
  let isEncoded: Bool

  /// - Throws: `InvalidArgument`.
  init(_ query: QueryParameters) throws(S3Error) {
    prefix = query["prefix"] ?? ""
    delimiter = query["delimiter"].flatMap { $0.isEmpty ? nil : $0 }
    keysMax = try Self.limit(query["max-keys"], "max-keys", most: CatalogLimits.pageLengthMax)
    switch query["encoding-type"] {
    case nil, "": isEncoded = false
    case "url": isEncoded = true
    case let text?:
      throw .invalidArgument("encoding-type", text, "Invalid Encoding Method specified in Request")
    }
  }

  /// How many a list may have: as many as it is asked for, but no more than `most`.
  ///
  /// - Throws: `InvalidArgument`.
  static func limit(_ text: String?, _ name: String, most: Int) throws(S3Error) -> Int {
    min(try number(text, name) ?? most, most)
  }

  /// A number that a list is asked for; nil where there is none.
  ///
  /// - Throws: `InvalidArgument`.
  static func number(_ text: String?, _ name: String) throws(S3Error) -> Int? {
    guard let text, !text.isEmpty else { return nil }
    guard let number = Int(text), (0...Int(Int32.max)).contains(number) else {
      throw .invalidArgument(name, text, "Provided \(name) not an integer or within integer range")
    }
    return number
  }

  func encoded(_ text: String) -> String {
    isEncoded ? PercentCoding.encode(text, alsoAllowed: "/") : text
  }

  /// What is common to the heads of both documents.
  func write(to xml: inout XMLText, _ bucket: Bucket) {
    xml.element("Name", bucket.name.text)
    xml.element("Prefix", encoded(prefix))
    if let delimiter { xml.element("Delimiter", encoded(delimiter)) }
    xml.element("MaxKeys", keysMax)
    if isEncoded { xml.element("EncodingType", "url") }
  }

  /// - Parameter owner: whom entries name; nil where nobody asked.
  func write(to xml: inout XMLText, _ page: ListPage, owner: S3Owner?) {
    for entry in page.entries {
      let attributes = entry.object.attributes
      xml.element("Contents") { xml in
        xml.element("Key", encoded(entry.key.text))
        xml.element("LastModified", attributes.createdAt.s3Text)
        xml.element("ETag", attributes.etag)
        xml.element("Size", attributes.size)
        owner?.write(to: &xml)
        xml.element("StorageClass", attributes.metadata.storageClass ?? StorageClass.standard)
      }
    }
    for prefix in page.prefixes {
      xml.element("CommonPrefixes") { xml in xml.element("Prefix", encoded(prefix)) }
    }
  }
}

extension S3API {
  /// A page of a bucket, for either kind of list.
  func page(
    _ bucket: Bucket, _ parameters: ListParameters, after start: String?
  ) async throws(S3Error) -> ListPage {
    guard parameters.keysMax > 0 else { return ListPage(entries: [], prefixes: [], nextStartAfter: nil) }
    do throws(ObjectError) {
      return try await objects.list(
        bucket.name,
        ListQuery(
          prefix: parameters.prefix, delimiter: parameters.delimiter, startAfter: start, limit: parameters.keysMax))
    } catch {
      throw S3Error(error)
    }
  }
}
