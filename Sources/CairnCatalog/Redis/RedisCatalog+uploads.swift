package import CairnModel
internal import NIOCore

extension RedisCatalog: UploadCatalog {
  private static let uploadField = "upload"
  private static let claimedField = "claimed"

  package func add(_ upload: PendingUpload, lifetime: Duration) async throws(CatalogError) {
    _ = try await client.run(
      RedisScripts.addUpload, keys: uploadKeys(upload.id), upload.encoded(), lifetime.wholeMilliseconds,
      UploadRange.name(of: upload), upload.isClaimed ? 1 : 0)
    for part in upload.parts { try await put(part, to: upload.id) }
  }

  package func upload(_ id: BlobID) async throws(CatalogError) -> PendingUpload? {
    try Self.upload(id, from: try await client.send(RedisCommand("HGETALL", keys.upload(id))))
  }

  package func put(_ part: UploadPart, of id: BlobID) async throws(CatalogError) -> Bool {
    try await client.run(RedisScripts.putPart, keys: uploadKeys(id), part.number, part.encoded()).isDone(
      by: "putPart")
  }

  /// Even where it is claimed.
  private func put(_ part: UploadPart, to id: BlobID) async throws(CatalogError) {
    _ = try await client.send(RedisCommand("HSET", keys.upload(id), part.number, part.encoded()))
  }

  package func claim(_ id: BlobID, lifetime: Duration) async throws(CatalogError) -> PendingUpload? {
    try Self.upload(
      id,
      from: try await client.run(RedisScripts.claimUpload, keys: uploadKeys(id), lifetime.wholeMilliseconds))
  }

  package func release(_ id: BlobID) async throws(CatalogError) {
    _ = try await client.run(RedisScripts.releaseUpload, keys: uploadKeys(id))
  }

  package func forget(_ id: BlobID) async throws(CatalogError) {
    _ = try await client.run(RedisScripts.forgetUpload, keys: uploadKeys(id))
  }

  package func uploads(_ range: UploadRange, limit: Int) async throws(CatalogError) -> [PendingUpload] {
    let names = range.includesClaimed ? keys.uploadNames : keys.openUploadNames
    let reply = try await client.run(
      RedisScripts.listUploads, keys: [names], range.lower, range.upper, limit, keys.uploadPrefix)
    guard case .array(let words) = reply, words.count.isMultiple(of: 2) else {
      throw .unexpected(reply, to: "listUploads")
    }
    var uploads: [PendingUpload] = []
    for index in stride(from: 0, to: words.count, by: 2) {
      guard case .bytes(var id) = words[index], case .bytes(let value) = words[index + 1],
        let id = id.readOrderedBlobID()
      else { throw .unexpected(reply, to: "listUploads") }
      do throws(FormatError) { uploads.append(try PendingUpload(id: id, decoding: value)) } catch {
        throw .format(error)
      }
    }
    return uploads
  }

  private func uploadKeys(_ id: BlobID) -> [String] { [keys.upload(id), keys.uploadNames, keys.openUploadNames] }

  /// Reads pairs of field and value.
  private static func upload(_ id: BlobID, from reply: RedisReply) throws(CatalogError) -> PendingUpload? {
    guard case .array(let words) = reply, words.count.isMultiple(of: 2) else {
      throw .unexpected(reply, to: "HGETALL")
    }
    guard !words.isEmpty else { return nil }
    var upload: PendingUpload?
    var parts: [UploadPart] = []
    var isClaimed = false
    do throws(FormatError) {
      for index in stride(from: 0, to: words.count, by: 2) {
        guard case .bytes(let field) = words[index], case .bytes(let value) = words[index + 1] else { continue }
        let name = String(buffer: field)
        if name == uploadField {
          upload = try PendingUpload(id: id, decoding: value)
        } else if name == claimedField {
          isClaimed = true
        } else if let number = Int(name) {
          parts.append(try UploadPart(number: number, decoding: value))
        }
      }
    } catch {
      throw .format(error)
    }
    upload?.parts = parts.sorted { $0.number < $1.number }
    upload?.isClaimed = isClaimed
    return upload
  }
}

/// KEYS: the upload, the names of all uploads, the names of those that nobody claimed.
extension RedisScripts {
  /// ARGV: the upload, milliseconds that it lives, its name, whether it is claimed (0 or 1).
  fileprivate static let addUpload = RedisScript(
    """
    redis.call('HSET', KEYS[1], 'upload', ARGV[1], 'name', ARGV[3])
    redis.call('PEXPIRE', KEYS[1], ARGV[2])
    redis.call('ZADD', KEYS[2], 0, ARGV[3])
    if ARGV[4] == '1' then
      redis.call('HSET', KEYS[1], 'claimed', 1)
    else
      redis.call('ZADD', KEYS[3], 0, ARGV[3])
    end
    return 1
    """)

  /// ARGV: number of the part, the part.
  fileprivate static let putPart = RedisScript(
    """
    if redis.call('EXISTS', KEYS[1]) == 0 or redis.call('HEXISTS', KEYS[1], 'claimed') == 1 then return 0 end
    redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
    return 1
    """)

  /// ARGV: milliseconds that it lives on at least.
  ///
  /// Also in a full Redis: who gives an upload up claims it first.
  fileprivate static let claimUpload = RedisScript(
    """
    if redis.call('EXISTS', KEYS[1]) == 0 or redis.call('HEXISTS', KEYS[1], 'claimed') == 1 then return {} end
    \(RedisScript.allowedWhenFull("KEYS[1]"))
    redis.call('HSET', KEYS[1], 'claimed', 1)
    if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[1]) then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
    local name = redis.call('HGET', KEYS[1], 'name')
    if name then redis.call('ZREM', KEYS[3], name) end
    return redis.call('HGETALL', KEYS[1])
    """)

  fileprivate static let releaseUpload = RedisScript(
    """
    if redis.call('HDEL', KEYS[1], 'claimed') == 0 then return 0 end
    local name = redis.call('HGET', KEYS[1], 'name')
    if name then redis.call('ZADD', KEYS[3], 0, name) end
    return 1
    """)

  fileprivate static let forgetUpload = RedisScript(
    """
    local name = redis.call('HGET', KEYS[1], 'name')
    if name then
      redis.call('ZREM', KEYS[2], name)
      redis.call('ZREM', KEYS[3], name)
    end
    return redis.call('DEL', KEYS[1])
    """)

  /// KEYS: names. ARGV: lower bound (included), upper bound (excluded), limit, what the key of each upload starts with.
  /// Answers pairs of an id and an upload. Names of uploads that expired go.
  fileprivate static let listUploads = RedisScript(
    """
    local lower, upper, limit = '[' .. ARGV[1], '(' .. ARGV[2], tonumber(ARGV[3])
    local answer = {}
    repeat
      local found = redis.call('ZRANGEBYLEX', KEYS[1], lower, upper, 'LIMIT', 0, limit)
      for _, name in ipairs(found) do
        if #answer == limit * 2 then break end
        local id = string.sub(name, -16)
        local digits = string.gsub(id, '.', function(c) return string.format('%02x', string.byte(c)) end)
        local upload = redis.call('HGET', ARGV[4] .. digits, 'upload')
        if upload then
          answer[#answer + 1] = id
          answer[#answer + 1] = upload
        else
          redis.call('ZREM', KEYS[1], name)
        end
        lower = '(' .. name
      end
    until #found < limit or #answer == limit * 2
    return answer
    """)
}
