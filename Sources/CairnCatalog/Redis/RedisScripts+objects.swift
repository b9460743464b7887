/// The scripts of the catalog. Each takes its keys as `KEYS`, as Redis Cluster wants it.
enum RedisScripts {
  /// The condition that the name is free. A version has 16 bytes, so it can't be taken for one.
  static let absent = "absent"

  /// KEYS: objects, names, versions, deletion, epoch. ARGV: key, value, condition (none, ``absent`` or a version).
  ///
  /// The version that is there already is a retry whose first answer was lost. Then the condition; then the order of
  /// versions, in which a deletion counts like a version.
  static let put = RedisScript(
    RedisScript.older + """
      local key, value, condition = ARGV[1], ARGV[2], ARGV[3]
      local version = string.sub(value, 1, 16)
      local current = redis.call('HGET', KEYS[1], key)
      local newest = current and string.sub(current, 1, 16)
      if newest == version then return {'committed', false} end
      if condition == '\(absent)' then
        if current then return {'failed', current} end
      elseif condition ~= '' and condition ~= newest then
        return {'failed', current}
      end
      if not current then
        local deletion = redis.call('GET', KEYS[4])
        newest = deletion and string.sub(deletion, 1, 16)
        if newest and not older(newest, version) then return {'deleted', newest} end
      elseif not older(newest, version) then
        return {'stale', current}
      end
      redis.call('HSET', KEYS[1], key, value)
      redis.call('HSET', KEYS[3], version, key)
      if current then
        -- An entry that is damaged may have the version of another object.
        if redis.call('HGET', KEYS[3], newest) == key then redis.call('HDEL', KEYS[3], newest) end
      else
        redis.call('ZADD', KEYS[2], 0, key)
        redis.call('HINCRBY', KEYS[5], 'count', 1)
      end
      redis.call('HINCRBY', KEYS[5], 'position', 1)
      return {'committed', current}
      """)

  /// KEYS: objects, epoch. ARGV: key, value.
  static let relocate = RedisScript(
    """
    local current = redis.call('HGET', KEYS[1], ARGV[1])
    if not current or string.sub(current, 1, 16) ~= string.sub(ARGV[2], 1, 16) then return 0 end
    if current ~= ARGV[2] then
      redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
      redis.call('HINCRBY', KEYS[2], 'position', 1)
    end
    return 1
    """)

  /// KEYS: as ``put``. ARGV: key, version, tombstone, milliseconds to remember the deletion.
  ///
  /// The tombstone that is there already is a retry whose first answer was lost.
  static let delete = RedisScript(
    RedisScript.older + """
      local key, version, tombstone = ARGV[1], ARGV[2], ARGV[3]
      local deletion = redis.call('GET', KEYS[4])
      if deletion and string.sub(deletion, 1, 16) == tombstone then
        return {'deleted', string.sub(deletion, 17)}
      end
      local current = redis.call('HGET', KEYS[1], key)
      if not current then return {'absent'} end
      if string.sub(current, 1, 16) ~= version then return {'changed', current} end
      redis.call('HDEL', KEYS[1], key)
      redis.call('ZREM', KEYS[2], key)
      redis.call('HDEL', KEYS[3], version)
      if older(tombstone, version) then tombstone = version end
      redis.call('SET', KEYS[4], tombstone .. current, 'PX', ARGV[4])
      redis.call('HINCRBY', KEYS[5], 'count', -1)
      redis.call('HINCRBY', KEYS[5], 'position', 1)
      return {'deleted', current}
      """)

  /// KEYS: versions, objects. ARGV: version. The key and the object, or nil.
  static let objectOfVersion = RedisScript(
    """
    local key = redis.call('HGET', KEYS[1], ARGV[1])
    if not key then return false end
    return {key, redis.call('HGET', KEYS[2], key)}
    """)
}
