internal import CairnHTTP
internal import CairnModel
internal import CairnObjects
internal import NIOHTTP1

extension NativeAPI {
  private static let everywhere = "*"

  /// `GET /keys`: every access key, without the secrets.
  func listKeys() async throws(APIError) -> HTTPResponse {
    let keys: [AccessKeyStore.Listed]
    do throws(AccessKeyError) { keys = try await access.keys.all() } catch { throw APIError(error) }
    let owned = try await ownedBuckets()
    return HTTPResponse(json: { json in
      json.key("keys")
      json.array(keys) { json, key in
        json.object { $0.key(key.id, key.createdAt, key.grants, owns: owned[key.id] ?? []) }
      }
    })
  }

  private func ownedBuckets() async throws(APIError) -> [AccessKeyID: [BucketName]] {
    try await access.owners.owned().reduce(into: [:]) { $0[$1.owner, default: []].append($1.bucket) }
  }

  /// `POST /keys?bucket=…&allow=…`: makes a key. The answer is the only one that has its secret.
  func createKey(_ query: QueryParameters) async throws(APIError) -> HTTPResponse {
    var grants = S3Grants()
    if query["bucket"] != nil || query["allow"] != nil {
      let (bucket, permissions) = try Self.grant(query, "allow")
      grants.add(permissions, in: bucket)
    }
    let key = AccessKey.random(grants: grants)
    do throws(AccessKeyError) {
      guard try await access.keys.add(key) else {
        throw AccessKeyError.store(.failed("the random id '\(key.id)' is taken"))
      }
    } catch {
      throw APIError(error)
    }
    return HTTPResponse(.created) { json in
      json.key(key.id, key.createdAt, key.grants, owns: [])
      json.member("secret", key.secret)
    }
  }

  /// `PATCH /keys/{id}?bucket=…&allow=…` or `…&deny=…`: changes what a key may do.
  func changeKey(_ id: Substring, _ query: QueryParameters) async throws(APIError) -> HTTPResponse {
    let isAllowed = query["deny"] == nil
    guard isAllowed || query["allow"] == nil else {
      throw APIError(.badRequest, "Both allow and deny are given, only one of them can be done at a time")
    }
    let (bucket, permissions) = try Self.grant(query, isAllowed ? "allow" : "deny")
    let id = AccessKeyID(String(id))
    let key: AccessKey
    if isAllowed {
      key = try await update(id) { $0.add(permissions, in: bucket) }
    } else {
      key = try await deny(permissions, in: bucket, to: id)
    }
    let owns = try await ownedBuckets()[id] ?? []
    return HTTPResponse(json: { $0.key(key.id, key.createdAt, key.grants, owns: owns) })
  }

  /// Takes permissions away from a key. Ownership of the bucket implies all of them, and becomes a grant of the rest.
  private func deny(
    _ permissions: S3Permissions, in bucket: BucketName?, to id: AccessKeyID
  ) async throws(APIError) -> AccessKey {
    guard let bucket, try await access.owners.owns(id, bucket) else {
      return try await update(id) { $0.remove(permissions, in: bucket) }
    }
    // The grant first: whatever fails between the two, the key has never lost more than it should.
    let key = try await update(id) { grants in
      grants.add(.all, in: bucket)
      grants.remove(permissions, in: bucket)
    }
    try await access.owners.disown(bucket, by: id)
    return key
  }

  private func update(
    _ id: AccessKeyID, _ change: @Sendable (inout S3Grants) -> Void
  ) async throws(APIError) -> AccessKey {
    do throws(AccessKeyError) { return try await access.keys.update(id, change) } catch { throw APIError(error) }
  }

  /// `DELETE /keys/{id}`.
  func removeKey(_ id: Substring) async throws(APIError) -> HTTPResponse {
    do throws(AccessKeyError) { try await access.keys.remove(AccessKeyID(String(id))) } catch { throw APIError(error) }
    return HTTPResponse(.noContent)
  }

  /// - Returns: the bucket, nil for every one, and what may be done in it.
  private static func grant(
    _ query: QueryParameters, _ verb: String
  ) throws(APIError) -> (bucket: BucketName?, permissions: S3Permissions) {
    guard let bucketText = query["bucket"] else {
      throw APIError(.badRequest, "bucket is not given: it must be the name of a bucket, or * for every one")
    }
    var bucket: BucketName?
    if bucketText != everywhere {
      do throws(InvalidName) { bucket = try BucketName(bucketText) } catch { throw APIError(error) }
    }
    let words = query[verb]?.split(separator: ",", omittingEmptySubsequences: false) ?? []
    var permissions: S3Permissions = []
    for word in words {
      guard let permission = S3Permissions(word: word) else {
        throw APIError(.badRequest, "\(verb) is '\(word)', allowed are \(S3Permissions.allowed)")
      }
      permissions.formUnion(permission)
    }
    guard !permissions.isEmpty else {
      throw APIError(.badRequest, "\(verb) is not given, allowed are \(S3Permissions.allowed), with commas between")
    }
    return (bucket, permissions)
  }
}

extension S3Grants {
  /// - Parameter bucket: nil for every one.
  fileprivate mutating func add(_ permissions: S3Permissions, in bucket: BucketName?) {
    if let bucket {
      buckets[bucket, default: []].formUnion(permissions)
    } else {
      everywhere.formUnion(permissions)
    }
  }

  /// - Parameter bucket: nil for what counts in every one; what a key may do in single buckets stays.
  fileprivate mutating func remove(_ permissions: S3Permissions, in bucket: BucketName?) {
    guard let bucket else { return everywhere.subtract(permissions) }
    let rest = (buckets[bucket] ?? []).subtracting(permissions)
    buckets[bucket] = rest.isEmpty ? nil : rest
  }
}

extension JSONText {
  fileprivate mutating func key(
    _ id: AccessKeyID, _ createdAt: Timestamp, _ grants: S3Grants, owns: [BucketName]
  ) {
    member("id", id.text)
    member("created_at", HTTPDate.iso8601(nanosecondsSinceEpoch: createdAt.nanosecondsSinceEpoch))
    key("grants")
    let buckets = grants.buckets.sorted { $0.key.text < $1.key.text }.map { ($0.key.text, $0.value) }
    let everywhere = grants.everywhere.isEmpty ? [] : [("*", grants.everywhere)]
    array(everywhere + buckets) { json, grant in
      json.object { json in
        json.member("bucket", grant.0)
        json.member("permissions", grant.1.names)
      }
    }
    member("owns", owns.map(\.text))
  }
}
