@testable import CairnAPI
@testable import CairnCatalog
@testable import CairnHTTP
import CairnModel
@testable import CairnNodeServer
import CairnObjects
@testable import CairnS3
import NIOHTTP1

/// What routes and parameters are made of.
extension FuzzTarget {
  static let requests: [FuzzTarget] = [
    FuzzTarget(
      "native-route", texts: ["/blob/a%2Fb/status", "/uploads/0123/complete", "/file/x", "/nodes/a/drain", "/keys/"]
    ) {
      input in
      guard let route = NativeRoute(path: input.text[...]) else { return }
      try require(!route.methods.isEmpty, "a route has no methods")
    },

    FuzzTarget(
      "node-route",
      texts: [
        "GET\n/volumes", "PUT\n/volumes/0123456789abcdef", "POST\n/volumes/0123456789abcdef/records",
        "GET\n/volumes/0123456789abcdef/blobs/0123456789abcdef0123456789abcdef",
      ]
    ) { input in
      let (method, rest) = input.line()
      guard let route = NodeRoute(method: HTTPMethod(rawValue: method), path: rest.text[...]) else { return }
      switch route {
      case .createVolume(let volume):
        try requireEqual(NodeProtocol.volumePath(volume).utf8.count, rest.text.utf8.count, "the path of a volume")
      case .read(let location):
        try requireEqual(NodeProtocol.blobPath(location).utf8.count, rest.text.utf8.count, "the path of a blob")
      default: break
      }
    },

    FuzzTarget(
      "s3-resource",
      texts: ["localhost:9000\n/bucket/a%2Fb", "bucket.s3.example.org\n/key", "s3.example.org\n/", "x\n/b/%C3%A4/"]
    ) { input in
      let (host, rest) = input.line()
      for domain in [nil, "s3.example.org"] {
        guard case .object(let name) = accepted({ try S3Resource(host: host, path: rest.text[...], domain: domain) })
        else { continue }
        let path = "/\(name.bucket.text)/\(PercentCoding.encode(name.key.text))"
        try requireEqual(
          accepted { try S3Resource(host: nil, path: path[...], domain: nil) }, .object(name), "a path written and read"
        )
      }
    },

    FuzzTarget(
      "s3-operation",
      texts: [
        "GET\n/b/k\nuploadId=1&partNumber=2\nrange: bytes=0-1", "PUT\n/b/k\n\nx-amz-copy-source: a/b\nx-amz-meta-a: b",
        "GET\n/b\nlist-type=2&prefix=a&delimiter=%2F&max-keys=10&encoding-type=url&continuation-token=AWI%3D",
        "POST\n/b\ndelete", "PUT\n/b/k\n\nx-amz-tagging: a=b&c=d\nx-amz-acl: private\nx-amz-storage-class: GLACIER",
        "PUT\n/b/k\n\nx-amz-checksum-crc32: AAAAAA==\ncontent-md5: 1B2M2Y8AsgTpgAmY7PhCfg==\ncontent-encoding: aws-chunked,gzip",
      ]
    ) { input in
      let lines = input.lines
      guard lines.count >= 3, let resource = accepted({ try S3Resource(host: nil, path: lines[1][...], domain: nil) }),
        let query = QueryParameters(lines[2][...])
      else { return }
      let headers = headers(lines.dropFirst(3))
      _ = accepted { try S3Operation(HTTPMethod(rawValue: lines[0]), resource, query, headers) }
      _ = accepted { try ListParameters(query) }
      _ = accepted { try ChecksumHeaders.told(headers) }
      _ = accepted { try ChecksumHeaders.uploadChecksum(headers) }
      _ = accepted { try ChecksumHeaders.copyAlgorithm(headers) }
      _ = accepted { try ContentMD5.value(headers) }
      _ = accepted { try CannedACL.access(headers) }
      guard let description = accepted({ try UploadDescription(headers) }) else { return }
      let size = description.metadata.user.reduce(0) { $0 + $1.name.utf8.count + $1.value.utf8.count }
      try require(size <= 4096, "an object may have \(size) bytes of metadata")
    },

    FuzzTarget("copy-source", texts: ["/bucket/a%2Fb", "bucket/key?versionId=null", "bucket/a+b"]) { input in
      guard let source = accepted({ try CopySource(input.text) }) else { return }
      let text = "\(source.name.bucket.text)/\(PercentCoding.encode(source.name.key.text))"
      try requireEqual(accepted { try CopySource(text) }, source, "a source written and read")
    },

    FuzzTarget("tag-header", texts: ["a=b&c=%C3%A4", "a=&b", "a=1&a=2"]) { input in
      guard let tags = accepted({ try TagSet.tags(query: input.text) }) else { return }
      try require(tags.count <= TagSet.objectCountMax, "\(tags.count) tags are too many")
      let text = tags.map { "\(PercentCoding.encode($0.name))=\(PercentCoding.encode($0.value))" }
      try requireEqual(accepted { try TagSet.tags(query: text.joined(separator: "&")) }, tags, "tags written and read")
    },

    FuzzTarget("continuation-token", texts: ["AWFi", "AcOk", "AQ=="]) { input in
      guard let token = accepted({ try ContinuationToken(input.text) }) else { return }
      let again = accepted { try ContinuationToken(token.text) }
      try requireEqual(
        again.map { Array($0.startAfter.utf8) }, Array(token.startAfter.utf8), "a token written and read")
    },

    FuzzTarget("list-range", texts: ["a/\n/\na/b/c\na/c", "\n\n\nx", "p\nab\npab\nq"]) { input in
      let lines = input.lines
      guard lines.count >= 4 else { return }
      let query = ListQuery(
        prefix: lines[0], delimiter: lines[1], startAfter: lines[2].isEmpty ? nil : lines[2],
        limit: lines[3].utf8.count)
      let range = ListRange(query)
      let key = Array(lines[3].utf8)
      guard key.starts(with: query.prefix.utf8) else { return }
      try require(key.lexicographicallyPrecedes(range.upper), "a key with the prefix is behind the range")
      if let count = range.commonPrefixCount(key) {
        try require(count > range.prefixCount && count <= key.count, "a common prefix of \(count) bytes")
      }
      let start = Array((query.startAfter ?? "").utf8)
      if key.lexicographicallyPrecedes(range.lower) {
        let isHidden = range.commonPrefixCount(key).map { start.starts(with: key.prefix($0)) } ?? false
        try require(
          !start.lexicographicallyPrecedes(key) || isHidden, "a key behind the start is in front of the range")
      }
    },

    FuzzTarget("object-name", texts: ["bucket\nkey", "_cairn\nä", "a.b-c\n/../x"]) { input in
      let (bucket, rest) = input.line()
      if let name = accepted({ try BucketName(bucket) }) {
        try require((3...63).contains(name.text.utf8.count), "a bucket's name has \(name.text.utf8.count) bytes")
        try require(name != .system, "a client names the system's bucket")
      }
      guard let key = accepted({ try ObjectKey(utf8: rest.bytes) }) else { return }
      try requireEqual(Array(key.text.utf8), rest.bytes, "the bytes of a key")
      try require((1...ObjectKey.lengthMax).contains(rest.bytes.count), "a key has \(rest.bytes.count) bytes")
    },

    FuzzTarget("identifiers", texts: ["0123456789abcdef0123456789ABCDEF", "0123456789abcdef", "0"]) { input in
      let text = input.text
      if let id = BlobID(text) { try requireEqual(BlobID(id.description), id, "a blob's id written and read") }
      if let id = VolumeID(text) { try requireEqual(VolumeID(id.description), id, "a volume's id written and read") }
      if let id = NodeID(text) { try requireEqual(NodeID(id.description), id, "a node's id written and read") }
      if let bytes = bytes(hexadecimal: text) {
        try requireEqual(hexadecimalString(bytes), text.lowercased(), "hexadecimal digits read and written")
      }
      _ = UInt64(hexadecimal: text.utf8)
      _ = S3Permissions(word: text)
    },
  ]

  /// Header fields from lines `name: value`, as NIO's parser gives them: names are tokens, values have no NUL.
  static func headers(_ lines: some Sequence<String>) -> HTTPHeaders {
    var headers = HTTPHeaders()
    for line in lines {
      guard let colon = line.utf8.firstIndex(of: UInt8(ascii: ":")) else { continue }
      let name = String(line[..<colon])
      guard !name.isEmpty,
        name.utf8.allSatisfy({ (0x21...0x7E).contains($0) && !"\"(),/:;<=>?@[\\]{}".utf8.contains($0) })
      else { continue }
      headers.add(name: name, value: String(line[line.utf8.index(after: colon)...].drop { $0 == " " }))
    }
    return headers
  }
}
