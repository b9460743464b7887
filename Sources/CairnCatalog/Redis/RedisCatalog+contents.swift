package import CairnModel
internal import NIOCore

/// Found by walking over all keys, since nothing lists them: O(keys), a page at a time.
extension RedisCatalog: CatalogContents {
  private static let scanLength = 1000

  package func buckets() async throws(CatalogError) -> [BucketName] {
    var buckets: Set<BucketName> = []
    var cursor: [UInt8]?
    repeat {
      let page = try await scan(keys.patternOfObjects, from: cursor, count: Self.scanLength)
      for key in page.keys {
        // The pattern also fits the deletion of a name that looks like this.
        if let (bucket, rest) = keys.bucketAndRest(key), rest == RedisKeys.objectsSuffix { buckets.insert(bucket) }
      }
      cursor = page.next
    } while cursor != nil
    return buckets.sorted { $0.text < $1.text }
  }

  package func deletions(
    after cursor: DeletionPage.Cursor?, limit: Int
  ) async throws(CatalogError) -> DeletionPage {
    let found = try await scan(keys.patternOfDeletions, from: cursor?.bytes, count: max(limit, 1))
    var page = DeletionPage(entries: [], next: found.next.map(DeletionPage.Cursor.init(bytes:)))
    var names: [ObjectName] = []
    var command = RedisCommand("MGET")
    for key in found.keys {
      guard let (bucket, rest) = keys.bucketAndRest(key), rest.utf8.starts(with: RedisKeys.deletionInfix.utf8) else {
        continue
      }
      let name = rest.utf8.dropFirst(RedisKeys.deletionInfix.utf8.count)
      names.append(ObjectName(bucket: bucket, key: try ObjectKey(catalogKey: name)))
      command.append(key)
    }
    guard !names.isEmpty else { return page }
    let reply = try await client.send(command)
    guard case .array(let values) = reply, values.count == names.count else { throw .unexpected(reply, to: "MGET") }
    for (name, value) in zip(names, values) {
      // It may have expired since it was found.
      guard value != .null else { continue }
      guard case .bytes(var bytes) = value, let tombstone = bytes.readOrderedBlobID() else {
        throw .unexpected(value, to: "MGET")
      }
      page.entries.append(
        .init(name: name, object: try StoredObject(redisValue: bytes, of: name), tombstone: tombstone))
    }
    return page
  }

  func scan(
    _ pattern: String, from cursor: [UInt8]?, count: Int
  ) async throws(CatalogError) -> (keys: [String], next: [UInt8]?) {
    let start = cursor ?? Array("0".utf8)
    let reply = try await client.send(RedisCommand("SCAN", start, "MATCH", pattern, "COUNT", count))
    guard case .array(let parts) = reply, parts.count == 2, case .bytes(let next) = parts[0],
      case .array(let found) = parts[1]
    else { throw .unexpected(reply, to: "SCAN") }
    var keys: [String] = []
    for case .bytes(let key) in found {
      if let key = String(validating: key.readableBytesView, as: UTF8.self) { keys.append(key) }
    }
    let end = Array(next.readableBytesView)
    return (keys, end == Array("0".utf8) ? nil : end)
  }
}

extension RedisKeys {
  static let objectsSuffix = ":objects"
  static let deletionInfix = ":deleted:"

  /// What the keys of a bucket end with, but for deletions.
  static let suffixesOfBuckets: Set<String> = [objectsSuffix, ":names", ":versions", ":epoch"]

  var patternOfAll: String { "\(escapedPrefix):{*}:*" }
  var patternOfObjects: String { "\(escapedPrefix):{*}\(Self.objectsSuffix)" }
  var patternOfDeletions: String { "\(escapedPrefix):{*}\(Self.deletionInfix)*" }

  /// Takes the name of a key of a bucket apart; nil where it is none.
  func bucketAndRest(_ key: String) -> (BucketName, rest: String)? {
    let start = "\(prefix):{"
    guard let name = ByteText(key).dropping(ByteText(start))?.string.utf8,
      let end = name.firstIndex(of: UInt8(ascii: "}")),
      let bucket = try? BucketName(stored: String(Substring(name[..<end])))
    else { return nil }
    return (bucket, String(Substring(name[end...].dropFirst())))
  }

  /// As a pattern that fits nothing else.
  var escapedPrefix: String {
    prefix.reduce(into: "") { text, character in
      if "*?[]\\^-".contains(character) { text.append("\\") }
      text.append(character)
    }
  }
}
