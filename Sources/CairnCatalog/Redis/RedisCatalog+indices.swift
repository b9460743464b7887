internal import CairnModel
internal import NIOCore

/// What answers are made from, besides the entries themselves: for each bucket the list of its names, the versions and
/// the number of objects; the list of volumes and the set of open ones; the lists of uploads.
extension RedisCatalog: CatalogIndices {
  /// Entries that one script looks at, so that none holds Redis up.
  private static let pageLength = 500

  package func compareIndices(_ repair: IndexRepair) async throws(CatalogError) -> [IndexDifference] {
    let repairing = repair != .none
    let found = try await keysToCompare()
    var differences: [IndexDifference] = []
    for bucket in found.buckets.sorted(by: { $0.text < $1.text }) {
      differences += try await compare(bucket, repair)
    }
    differences += try await compareVolumes(repairing)
    differences += try await compareUploads(found.uploads, repairing)
    return differences
  }

  private func compare(_ bucket: BucketName, _ repair: IndexRepair) async throws(CatalogError) -> [IndexDifference] {
    let repairing = repair != .none
    let (objects, names, versions) = (keys.objects(bucket), keys.names(bucket), keys.versions(bucket))
    let epoch = keys.epoch(bucket)
    var differences = try await damagedEntries(of: bucket, repairing)
    func note(_ found: Wrong, _ what: String) {
      guard found.count > 0 else { return }
      differences.append(found.difference("bucket \(bucket.text.debugDescription)", what))
    }
    note(
      try await walk(repairing) { cursor, count, repairs throws(CatalogError) in
        try await client.run(RedisScripts.compareHashWithNames, keys: [objects, names, epoch], cursor, count, repairs)
      }, "objects are not in the list of names")
    note(
      try await walk(repairing) { cursor, count, repairs throws(CatalogError) in
        try await client.run(
          RedisScripts.compareNamesWithHash, keys: [names, objects, epoch], cursor, count, repairs, "ZSCAN", "ZREM")
      }, "names in the list have no object")
    note(
      try await walk(repairing) { cursor, count, repairs throws(CatalogError) in
        try await client.run(
          RedisScripts.compareObjectsWithVersions, keys: [objects, versions, epoch], cursor, count, repairs)
      }, "objects are not found by their versions")
    note(
      try await walk(repairing) { cursor, count, repairs throws(CatalogError) in
        try await client.run(
          RedisScripts.compareVersionsWithObjects, keys: [versions, objects, epoch], cursor, count, repairs)
      }, "versions are not those of their objects")
    let counted = try await walk(repair == .all) { cursor, count, repairs throws(CatalogError) in
      try await client.run(RedisScripts.compareCount, keys: [objects, epoch], cursor, count, repairs)
    }
    if counted.count > 0 {
      differences.append(
        IndexDifference(
          description: "bucket \(bucket.text.debugDescription): it has \(counted.example) objects, and another number "
            + "was counted"))
    }
    return differences
  }

  private func compareVolumes(_ repairing: Bool) async throws(CatalogError) -> [IndexDifference] {
    let listed = try await walk(repairing) { cursor, count, repairs throws(CatalogError) in
      try await client.run(
        RedisScripts.compareHashWithNames, keys: [keys.volumes, keys.volumeIDs, keys.nodes], cursor, count, repairs)
    }
    let surplus = try await walk(repairing) { cursor, count, repairs throws(CatalogError) in
      try await client.run(
        RedisScripts.compareNamesWithHash, keys: [keys.volumeIDs, keys.volumes], cursor, count, repairs, "ZSCAN", "ZREM"
      )
    }
    let open = try await walk(repairing) { cursor, count, repairs throws(CatalogError) in
      try await client.run(
        RedisScripts.compareNamesWithHash, keys: [keys.openVolumes, keys.volumes], cursor, count, repairs, "SSCAN",
        "SREM")
    }
    return [
      (listed, "are not in their list"), (surplus, "are in their list, and unknown"), (open, "are open, and unknown"),
    ].filter { $0.0.count > 0 }.map { IndexDifference(description: "volumes: \($0.0.count) \($0.1)") }
  }

  private func compareUploads(_ uploads: [String], _ repairing: Bool) async throws(CatalogError) -> [IndexDifference] {
    var wrong = 0
    for upload in uploads {
      wrong += try await walk(repairing) { cursor, count, repairs throws(CatalogError) in
        try await client.run(
          RedisScripts.compareUpload, keys: [keys.uploadNames, keys.openUploadNames, upload], cursor, count, repairs)
      }.count
    }
    return wrong > 0
      ? [IndexDifference(description: "uploads in parts: \(wrong) entries are missing in the lists of their names")]
      : []
  }

  /// Entries that are not what was put there. Where they are to be repaired, they go: a recovery puts them again.
  private func damagedEntries(
    of bucket: BucketName, _ repairing: Bool
  ) async throws(CatalogError) -> [IndexDifference] {
    var found: [IndexDifference] = []
    var cursor = ByteBuffer(string: "0")
    repeat {
      let reply = try await client.send(RedisCommand("HSCAN", keys.objects(bucket), cursor, "COUNT", Self.pageLength))
      guard case .array(let parts) = reply, parts.count == 2, case .bytes(let next) = parts[0],
        case .array(let entries) = parts[1], entries.count.isMultiple(of: 2)
      else { throw .unexpected(reply, to: "HSCAN") }
      cursor = next
      for index in stride(from: 0, to: entries.count, by: 2) {
        guard case .bytes(let key) = entries[index], case .bytes(let value) = entries[index + 1] else {
          throw .unexpected(reply, to: "HSCAN")
        }
        do throws(CatalogError) {
          let name = ObjectName(bucket: bucket, key: try ObjectKey(catalogKey: key.readableBytesView))
          _ = try StoredObject(redisValue: value, of: name)
        } catch {
          found.append(IndexDifference(description: error.description))
          guard repairing else { continue }
          _ = try await client.run(
            RedisScripts.removeObject, keys: [keys.objects(bucket)], key, value)
        }
      }
    } while cursor != ByteBuffer(string: "0")
    return found
  }

  // MARK: Pages

  private struct Wrong {
    var count = 0
    var example = ""

    func difference(_ place: String, _ what: String) -> IndexDifference {
      IndexDifference(description: "\(place): \(count) \(what), such as \(example.debugDescription)")
    }
  }

  private func walk(
    _ repairing: Bool,
    _ compare: (_ cursor: ByteBuffer, _ count: Int, _ repairs: Int) async throws(CatalogError) -> RedisReply
  ) async throws(CatalogError) -> Wrong {
    var wrong = Wrong()
    var cursor = ByteBuffer(string: "0")
    repeat {
      let reply = try await compare(cursor, Self.pageLength, repairing ? 1 : 0)
      guard case .array(let parts) = reply, parts.count == 3, case .bytes(let next) = parts[0],
        case .integer(let count) = parts[1], case .bytes = parts[2]
      else { throw .unexpected(reply, to: "comparison of indices") }
      cursor = next
      if wrong.count == 0, count > 0 { wrong.example = parts[2].entryName }
      wrong.count += Int(clamping: count)
    } while cursor != ByteBuffer(string: "0")
    return wrong
  }

  /// Every bucket that still has a key in Redis, and the keys of all uploads. O(keys).
  private func keysToCompare() async throws(CatalogError) -> (buckets: Set<BucketName>, uploads: [String]) {
    var buckets: Set<BucketName> = []
    var uploads: Set<String> = []
    var cursor: [UInt8]?
    repeat {
      let page = try await scan(keys.patternOfAll, from: cursor, count: Self.pageLength)
      for key in page.keys {
        if key.utf8.starts(with: keys.uploadPrefix.utf8) {
          uploads.insert(key)
        } else if let (bucket, rest) = keys.bucketAndRest(key), RedisKeys.suffixesOfBuckets.contains(rest) {
          buckets.insert(bucket)
        }
      }
      cursor = page.next
    } while cursor != nil
    return (buckets, Array(uploads))
  }
}
