/// The scripts that compare what answers are made from. Each looks at a page of entries, in one step with all that they
/// are compared with, so clients may write meanwhile.
///
/// KEYS end with a HASH of the same slot. ARGV begin with the cursor, how many entries, and 1 to repair. They answer the
/// next cursor, how many entries were wrong, and one of them.
extension RedisScripts {
  private static let page = """
    local cursor, count, repairs = ARGV[1], ARGV[2], ARGV[3] == '1'
    local wrong, example = 0, ''
    -- Also in a full Redis: what was lost had room there before.
    if repairs then \(RedisScript.allowedWhenFull("KEYS[#KEYS]")) end
    local function note(entry)
      wrong = wrong + 1
      if example == '' then example = entry end
    end

    """

  /// KEYS: HASH, ZSET. Each field of the one must be in the other.
  static let compareHashWithNames = RedisScript(
    page + """
      local found = redis.call('HSCAN', KEYS[1], cursor, 'COUNT', count)
      for i = 1, #found[2], 2 do
        local entry = found[2][i]
        if not redis.call('ZSCORE', KEYS[2], entry) then
          note(entry)
          if repairs then redis.call('ZADD', KEYS[2], 0, entry) end
        end
      end
      return {found[1], wrong, example}
      """)

  /// KEYS: ZSET or SET, HASH. Each entry of the one must be a field of the other. ARGV[4] is ZSCAN or SSCAN, ARGV[5] ZREM
  /// or SREM.
  static let compareNamesWithHash = RedisScript(
    page + """
      local found = redis.call(ARGV[4], KEYS[1], cursor, 'COUNT', count)
      for i = 1, #found[2], ARGV[4] == 'ZSCAN' and 2 or 1 do
        local entry = found[2][i]
        if redis.call('HEXISTS', KEYS[2], entry) == 0 then
          note(entry)
          if repairs then redis.call(ARGV[5], KEYS[1], entry) end
        end
      end
      return {found[1], wrong, example}
      """)

  /// KEYS: objects, versions. Each object must be found by its version.
  static let compareObjectsWithVersions = RedisScript(
    page + """
      local found = redis.call('HSCAN', KEYS[1], cursor, 'COUNT', count)
      for i = 1, #found[2], 2 do
        local key, version = found[2][i], string.sub(found[2][i + 1], 1, 16)
        if redis.call('HGET', KEYS[2], version) ~= key then
          note(key)
          if repairs then redis.call('HSET', KEYS[2], version, key) end
        end
      end
      return {found[1], wrong, example}
      """)

  /// KEYS: versions, objects. Each version must be that of its object.
  static let compareVersionsWithObjects = RedisScript(
    page + """
      local found = redis.call('HSCAN', KEYS[1], cursor, 'COUNT', count)
      for i = 1, #found[2], 2 do
        local version, key = found[2][i], found[2][i + 1]
        local object = redis.call('HGET', KEYS[2], key)
        if not object or string.sub(object, 1, 16) ~= version then
          note(key)
          if repairs then redis.call('HDEL', KEYS[1], version) end
        end
      end
      return {found[1], wrong, example}
      """)

  /// KEYS: objects, epoch. The number of objects must be the one that was counted.
  static let compareCount = RedisScript(
    page + """
      local objects, counted = redis.call('HLEN', KEYS[1]), redis.call('HGET', KEYS[2], 'count') or '0'
      if objects ~= tonumber(counted) then
        note(string.format('%d', objects))
        if repairs then redis.call('HSET', KEYS[2], 'count', objects) end
      end
      return {'0', wrong, example}
      """)

  /// KEYS: names of uploads, names of those that nobody claimed, an upload. Its names must be there.
  static let compareUpload = RedisScript(
    page + """
      local known = redis.call('HMGET', KEYS[3], 'name', 'claimed')
      local function compare(names)
        if redis.call('ZSCORE', names, known[1]) then return end
        note(known[1])
        if repairs then redis.call('ZADD', names, 0, known[1]) end
      end
      if known[1] then
        compare(KEYS[1])
        if not known[2] then compare(KEYS[2]) end
      end
      return {'0', wrong, example}
      """)

  /// KEYS: objects. ARGV: key, value. Removes an object whose value is exactly this.
  static let removeObject = RedisScript(
    """
    if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then return 0 end
    return redis.call('HDEL', KEYS[1], ARGV[1])
    """)
}
