/// The name of a bucket. The native API's objects are in ``default``.
package struct BucketName: Hashable, Sendable {
  package let text: String

  /// - Throws: ``InvalidName`` unless the name has 3 to 63 of `a-z`, `0-9`, `.` and `-`, and starts and ends with
  ///   a letter or digit.
  /// - SeeAlso: https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
  package init(_ text: String) throws(InvalidName) {
    let bytes = text.utf8
    guard (3...63).contains(bytes.count) else { throw .bucketLength(bytes.count) }
    guard let first = bytes.first, let last = bytes.last, Self.isAlphanumeric(first), Self.isAlphanumeric(last),
      bytes.allSatisfy({ Self.isAlphanumeric($0) || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: ".") })
    else { throw .bucketCharacters(text) }
    self.text = text
  }

  private init(known text: String) {
    self.text = text
  }

  package static let `default` = BucketName(known: "default")

  /// Where Cairn keeps what it has to remember itself, as ordinary objects: buckets and access keys. No client can name
  /// it.
  package static let system = BucketName(known: "_cairn")

  /// The name of a bucket as records and catalogs have it: also that of ``system``.
  package init(stored text: String) throws(InvalidName) {
    if text == Self.system.text { self = .system } else { try self.init(text) }
  }

  private static func isAlphanumeric(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
  }
}

/// The name of an object within its bucket: any UTF-8 text of 1 to ``ObjectKey/lengthMax`` bytes without NUL.
///
/// It never becomes a path, so `../`, `/` and `%` are ordinary characters. Keys are ordered by their bytes.
package struct ObjectKey: Hashable, Sendable {
  /// Bytes of UTF-8, as in S3.
  package static let lengthMax = 1024

  package let text: String

  /// - Throws: ``InvalidName``.
  package init(_ text: String) throws(InvalidName) {
    let bytes = text.utf8
    guard !bytes.isEmpty else { throw .keyEmpty }
    guard bytes.count <= Self.lengthMax else { throw .keyLength(bytes.count) }
    guard !bytes.contains(0) else { throw .keyNUL }
    self.text = text
  }

  /// - Throws: ``InvalidName``, also where the bytes are not UTF-8.
  package init(utf8 bytes: some Collection<UInt8>) throws(InvalidName) {
    guard let text = String(validating: bytes, as: UTF8.self) else { throw .keyEncoding }
    try self.init(text)
  }
}

extension ObjectKey: Comparable {
  package static func < (left: ObjectKey, right: ObjectKey) -> Bool { left.text.precedesInBytes(right.text) }

  package static func == (left: ObjectKey, right: ObjectKey) -> Bool { left.text.hasSameBytes(as: right.text) }

  package func hash(into hasher: inout Hasher) { text.hashBytes(into: &hasher) }
}

/// What an object is called: bucket and key.
package struct ObjectName: Hashable, Sendable {
  package let bucket: BucketName
  package let key: ObjectKey

  package init(bucket: BucketName = .default, key: ObjectKey) {
    self.bucket = bucket
    self.key = key
  }
}

/// Why a text can't be the name of a bucket or object.
package enum InvalidName: Error, Hashable, CustomStringConvertible {
  case keyEmpty
  case keyLength(Int)
  case keyNUL
  case keyEncoding
  case bucketLength(Int)
  case bucketCharacters(String)

  package var description: String {
    switch self {
    case .keyEmpty: "The name is empty: it must have 1 to \(ObjectKey.lengthMax) bytes"
    case .keyLength(let count):
      "The name has \(count) bytes of UTF-8: it must have 1 to \(ObjectKey.lengthMax)"
    case .keyNUL: "The name contains a NUL character, the only one that is not allowed"
    case .keyEncoding: "The name is not valid UTF-8"
    case .bucketLength(let count): "The bucket's name has \(count) characters: it must have 3 to 63"
    case .bucketCharacters(let text):
      "The bucket's name '\(text)' must have only a-z, 0-9, '.' and '-', and start and end with a letter or digit"
    }
  }
}
