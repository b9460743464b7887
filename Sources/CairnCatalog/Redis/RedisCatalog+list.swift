package import CairnModel
internal import NIOCore

extension RedisCatalog {
  package func list(_ bucket: BucketName, _ query: ListQuery) async throws(CatalogError) -> ListPage {
    let range = ListRange(query)
    let reply = try await client.run(
      RedisScripts.list, keys: [keys.names(bucket), keys.objects(bucket)], range.lower, range.upper,
      range.prefixCount, range.delimiter ?? [], range.limit)
    guard case .array(let parts) = reply, case .integer(let more) = parts.first, parts.count % 2 == 1 else {
      throw .unexpected(reply, to: "list")
    }
    var page = ListPage(entries: [], prefixes: [], nextStartAfter: nil)
    var last: String?
    for index in stride(from: 1, to: parts.count, by: 2) {
      guard case .bytes(let name) = parts[index] else { throw .unexpected(reply, to: "list") }
      if case .bytes(let value) = parts[index + 1] {
        let key = try ObjectKey(catalogKey: name.readableBytesView)
        let object = try StoredObject(redisValue: value, of: ObjectName(bucket: bucket, key: key))
        page.entries.append(.init(key: key, object: object))
        last = key.text
      } else {
        let prefix = String(buffer: name)
        page.prefixes.append(prefix)
        last = prefix
      }
    }
    if more != 0 { page.nextStartAfter = last }
    return page
  }
}

extension RedisScripts {
  /// KEYS: names, objects. ARGV: lower bound (included), upper bound (excluded), bytes of the prefix, delimiter or
  /// nothing, limit. Answers whether there are more (0 or 1), then pairs of a name and its object, or of a common
  /// prefix and nil.
  ///
  /// Names that a common prefix hides are skipped by seeking past them. How many names are fetched at once follows how
  /// many of the last ones were of use, so that a page costs O(page) whatever it hides.
  static let list = RedisScript(
    """
    local lower, upper = '[' .. ARGV[1], '(' .. ARGV[2]
    local start, delimiter, limit = tonumber(ARGV[3]) + 1, ARGV[4], tonumber(ARGV[5])
    local names, rolled, keys, more = {}, {}, {}, 0
    local batch = limit + 1
    if delimiter ~= '' then batch = math.min(batch, 16) end
    repeat
      local found = redis.call('ZRANGEBYLEX', KEYS[1], lower, upper, 'LIMIT', 0, batch)
      local hiding = false
      for _, name in ipairs(found) do
        if not (hiding and string.sub(name, 1, #hiding) == hiding) then
          hiding = false
          if #names == limit then more = 1 break end
          local _, last
          if delimiter ~= '' then _, last = string.find(name, delimiter, start, true) end
          if last then
            hiding = string.sub(name, 1, last)
            names[#names + 1], rolled[#names + 1] = hiding, true
          else
            names[#names + 1], rolled[#names + 1] = name, false
            keys[#keys + 1] = name
          end
        end
      end
      local exhausted = #found < batch
      if hiding then
        lower = '[' .. string.sub(hiding, 1, -2) .. string.char(string.byte(hiding, -1) + 1)
        batch = math.max(math.floor(batch / 2), 2)
      elseif not exhausted then
        lower = '(' .. found[#found]
        batch = math.min(batch * 2, limit - #names + 1)
      end
    until exhausted or more == 1
    local objects = #keys > 0 and redis.call('HMGET', KEYS[2], unpack(keys)) or {}
    local answer, used = {more}, 0
    for i, name in ipairs(names) do
      answer[#answer + 1] = name
      if rolled[i] then
        answer[#answer + 1] = false
      else
        used = used + 1
        answer[#answer + 1] = objects[used]
      end
    end
    return answer
    """)
}
