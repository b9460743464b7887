package import CairnModel
internal import NIOCore

extension RedisCatalog: UploadCatalog {
  private static let uploadField = "upload"

  package func add(_ upload: PendingUpload, lifetime: Duration) async throws(CatalogError) {
    _ = try await client.run(
      RedisScripts.addUpload, keys: [keys.upload(upload.id)], upload.encoded(), lifetime.wholeMilliseconds)
  }

  package func upload(_ id: BlobID) async throws(CatalogError) -> PendingUpload? {
    try Self.upload(id, from: try await client.send(RedisCommand("HGETALL", keys.upload(id))))
  }

  package func put(_ part: UploadPart, of id: BlobID) async throws(CatalogError) -> Bool {
    try await client.run(RedisScripts.putPart, keys: [keys.upload(id)], part.number, part.encoded()).isDone(
      by: "putPart")
  }

  package func claim(_ id: BlobID) async throws(CatalogError) -> PendingUpload? {
    try Self.upload(id, from: try await client.run(RedisScripts.claimUpload, keys: [keys.upload(id)]))
  }

  /// Reads pairs of field and value.
  private static func upload(_ id: BlobID, from reply: RedisReply) throws(CatalogError) -> PendingUpload? {
    guard case .array(let words) = reply, words.count.isMultiple(of: 2) else {
      throw .unexpected(reply, to: "HGETALL")
    }
    guard !words.isEmpty else { return nil }
    var upload: PendingUpload?
    var parts: [UploadPart] = []
    do throws(FormatError) {
      for index in stride(from: 0, to: words.count, by: 2) {
        guard case .bytes(let field) = words[index], case .bytes(let value) = words[index + 1] else { continue }
        let name = String(buffer: field)
        if name == uploadField {
          upload = try PendingUpload(id: id, decoding: value)
        } else if let number = Int(name) {
          parts.append(try UploadPart(number: number, decoding: value))
        }
      }
    } catch {
      throw .format(error)
    }
    upload?.parts = parts.sorted { $0.number < $1.number }
    return upload
  }
}

/// KEYS: the upload.
extension RedisScripts {
  /// ARGV: the upload, milliseconds that it lives.
  fileprivate static let addUpload = RedisScript(
    """
    redis.call('HSET', KEYS[1], 'upload', ARGV[1])
    redis.call('PEXPIRE', KEYS[1], ARGV[2])
    return 1
    """)

  /// ARGV: number of the part, the part.
  fileprivate static let putPart = RedisScript(
    """
    if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
    redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
    return 1
    """)

  fileprivate static let claimUpload = RedisScript(
    """
    local upload = redis.call('HGETALL', KEYS[1])
    redis.call('DEL', KEYS[1])
    return upload
    """)
}
