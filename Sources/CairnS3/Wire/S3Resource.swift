internal import CairnHTTP
package import CairnModel

/// What a request is about, by its host and path.
package enum S3Resource: Hashable, Sendable {
  case service
  /// What load balancers ask whether the process serves. No bucket can be called `-`.
  case health
  case bucket(BucketName)
  case object(ObjectName)

  /// - Parameters:
  ///   - host: the value of `Host`.
  ///   - path: still percent-encoded.
  ///   - domain: of hosts whose first labels are the name of a bucket; nil where all buckets are in the path.
  /// - Throws: where bucket or key can't be names.
  package init(host: String?, path: Substring, domain: String?) throws(S3Error) {
    guard path.utf8.first == UInt8(ascii: "/") else {
      throw S3Error(.invalidURI, "Couldn't parse the specified URI.")
    }
    var rest = Substring(path.utf8.dropFirst())
    let bucket: BucketName
    if let name = Self.bucket(inHost: host, domain: domain) {
      bucket = try Self.bucketName(name)
    } else {
      guard !rest.isEmpty else {
        self = .service
        return
      }
      guard rest != "-/health" else {
        self = .health
        return
      }
      let slash = rest.utf8.firstIndex(of: UInt8(ascii: "/")) ?? rest.endIndex
      bucket = try Self.bucketName(Self.decode(rest[..<slash]))
      rest = Substring(rest.utf8[slash...].dropFirst())
    }
    self = rest.isEmpty ? .bucket(bucket) : .object(ObjectName(bucket: bucket, key: try Self.key(Self.decode(rest))))
  }

  /// - Throws: `KeyTooLongError` and the like.
  package static func key(_ text: String) throws(S3Error) -> ObjectKey {
    do throws(InvalidName) {
      return try ObjectKey(text)
    } catch {
      switch error {
      case .keyLength(let count):
        throw S3Error(
          .keyTooLong, "Your key is too long",
          details: [.init("Size", String(count)), .init("MaxSizeAllowed", String(ObjectKey.lengthMax))])
      default: throw S3Error(.invalidURI, error.description)
      }
    }
  }

  /// - Throws: `InvalidBucketName`.
  package static func bucketName(_ text: String) throws(S3Error) -> BucketName {
    do throws(InvalidName) { return try BucketName(text) } catch {
      throw S3Error(.invalidBucketName, "The specified bucket is not valid.", details: [.init("BucketName", text)])
    }
  }

  /// - Throws: `InvalidURI`.
  package static func decode(_ text: Substring) throws(S3Error) -> String {
    guard let text = PercentCoding.decode(text).flatMap(PercentCoding.text) else {
      throw S3Error(.invalidURI, "Couldn't parse the specified URI.")
    }
    return text
  }

  var bucket: BucketName? {
    switch self {
    case .service, .health: nil
    case .bucket(let name): name
    case .object(let name): name.bucket
    }
  }

  /// The labels before the domain, nil where there are none.
  private static func bucket(inHost host: String?, domain: String?) -> String? {
    guard let domain, let host = host?.lowercased() else { return nil }
    var name = host[...]
    if let colon = name.lastIndex(of: ":"), name[colon...].dropFirst().allSatisfy(\.isNumber) { name = name[..<colon] }
    // The dot after a name that is complete, as resolvers write it.
    if name.utf8.last == UInt8(ascii: ".") { name = name.dropLast() }
    let suffix = "." + domain.lowercased()
    guard name.utf8.count > suffix.utf8.count, name.utf8.suffix(suffix.utf8.count).elementsEqual(suffix.utf8) else {
      return nil
    }
    return String(Substring(name.utf8.dropLast(suffix.utf8.count)))
  }
}
