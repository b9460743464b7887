/// The scripts of the repair queue.
///
/// All of them take the same KEYS: queue and urgent queue (streams), work, states, retries. In the streams are the keys
/// of work that waits or runs; their consumer groups know which. A consumer's idle time says how long it hasn't been heard of, and
/// a lease is written as idle time that it has already: every lease ends when the idle time is `idleMax`.
extension RedisScripts {
  /// The states' HASH has, for each key, a MessagePack map:
  ///
  /// - `id`: the entry in the stream, also of work that left it to be tried again
  /// - `urgent`: true where that is the stream of urgent work
  /// - `state`: `waiting`, `running` or `retrying`
  /// - `since`: milliseconds since 1970
  /// - `attempts`, `worker`, `error`, `done`, `total`: as ``QueuedWork`` says; texts, empty where there is none, but
  ///   for the number of attempts
  private static let repairs =
    clock + """
      local queue, urgent, works, states, retries = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
      local group, idleMax = 'workers', \(RepairLimits.leaseMax.milliseconds)
      local function state(key)
        local packed = redis.call('HGET', states, key)
        if not packed then return nil end
        -- What these scripts did not write counts for nothing.
        local ok, task = pcall(cmsgpack.unpack, packed)
        if ok and type(task) == 'table' and type(task.attempts) == 'number' then return task end
        return nil
      end
      local function change(key, task, name)
        if name then task.state, task.since = name, now end
        redis.call('HSET', states, key, cmsgpack.pack(task))
      end
      local function stream(task) return task.urgent and urgent or queue end
      local function append(key, task)
        local to = stream(task)
        if redis.call('EXISTS', to) == 0 then redis.call('XGROUP', 'CREATE', to, group, '0', 'MKSTREAM') end
        task.id = redis.call('XADD', to, '*', 'key', key)
        change(key, task, 'waiting')
      end
      local function drop(from, id)
        redis.call('XACK', from, group, id)
        redis.call('XDEL', from, id)
      end
      local function lease(task, worker, milliseconds)
        redis.call('XCLAIM', stream(task), group, worker, 0, task.id, 'IDLE', idleMax - milliseconds, 'JUSTID')
      end

      """

  /// Of scripts that change something. Also in a full Redis: there is no more work than there are volumes.
  private static let changed = repairs + RedisScript.allowedWhenFull("states")

  /// What ARGV of a script about a claim begins with: key, entry, attempt. It does nothing where another claim is the
  /// last one.
  private static let claimed =
    changed + """
      local key = ARGV[1]
      local task = state(key)
      if not task or task.state ~= 'running' or task.id ~= ARGV[2] or task.attempts ~= tonumber(ARGV[3]) then
        return 0
      end

      """

  /// ARGV: key, kind and payload packed for the work's HASH, 1 where it is urgent.
  static let enqueueRepair = RedisScript(
    changed + """
      local known = state(ARGV[1])
      if known then
        -- What no worker would find any more is work that nobody has.
        local isFound
        if known.state == 'retrying' then
          isFound = redis.call('ZSCORE', retries, ARGV[1])
        else
          isFound = #redis.call('XRANGE', stream(known), known.id, known.id) > 0
        end
        if isFound then return 0 end
      end
      redis.call('HSET', works, ARGV[1], ARGV[2])
      append(ARGV[1], {attempts = 0, worker = '', error = '', done = '', total = '', urgent = ARGV[3] == '1'})
      return 1
      """)

  /// ARGV: worker, limit, milliseconds of the lease. For each piece of work: key, work, entry, attempt.
  ///
  /// Keys whose time has come are moved to the stream, as many as could be claimed. An entry whose work is gone can
  /// only be left by hands other than these scripts'.
  static let claimRepairs = RedisScript(
    changed + """
      local worker, limit, milliseconds = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
      for _, key in ipairs(redis.call('ZRANGE', retries, '-inf', now, 'BYSCORE', 'LIMIT', 0, limit)) do
        redis.call('ZREM', retries, key)
        local task = state(key)
        if task then
          task.urgent = false
          append(key, task)
        end
      end
      local streams = {}
      for _, from in ipairs({urgent, queue}) do
        if redis.call('EXISTS', from) == 1 then streams[#streams + 1] = from end
      end
      local entries = {}
      local function take(from, found)
        for _, entry in ipairs(found) do entries[#entries + 1] = {from, entry[1], entry[2][2]} end
      end
      for _, from in ipairs(streams) do
        local cursor = '0-0'
        while #entries < limit do
          local found = redis.call('XAUTOCLAIM', from, group, worker, idleMax, cursor, 'COUNT', limit - #entries)
          cursor = found[1]
          take(from, found[2])
          if cursor == '0-0' then break end
        end
      end
      for _, from in ipairs(streams) do
        if #entries < limit then
          local found = redis.call(
            'XREADGROUP', 'GROUP', group, worker, 'COUNT', limit - #entries, 'STREAMS', from, '>')
          if found then take(from, found[1][2]) end
        end
      end
      local answer = {}
      for _, entry in ipairs(entries) do
        local from, id, key = entry[1], entry[2], entry[3]
        local task = state(key)
        if task and task.id == id and stream(task) == from then
          lease(task, worker, milliseconds)
          task.attempts, task.worker, task.done, task.total = task.attempts + 1, worker, '', ''
          change(key, task, 'running')
          answer[#answer + 1] = key
          answer[#answer + 1] = redis.call('HGET', works, key)
          answer[#answer + 1] = id
          answer[#answer + 1] = task.attempts
        else
          drop(from, id)
        end
      end
      return answer
      """)

  /// ARGV: claim, milliseconds of the lease.
  static let renewRepair = RedisScript(
    claimed + """
      lease(task, task.worker, tonumber(ARGV[4]))
      return 1
      """)

  /// ARGV: claim.
  static let completeRepair = RedisScript(
    claimed + """
      drop(stream(task), task.id)
      redis.call('HDEL', states, key)
      redis.call('HDEL', works, key)
      return 1
      """)

  /// ARGV: claim, error, milliseconds until it is tried again.
  static let failRepair = RedisScript(
    claimed + """
      drop(stream(task), task.id)
      task.error = ARGV[4]
      change(key, task, 'retrying')
      redis.call('ZADD', retries, string.format('%.0f', now + tonumber(ARGV[5])), key)
      return 1
      """)

  /// ARGV: claim, done, total.
  static let progressRepair = RedisScript(
    claimed + """
      task.done, task.total = ARGV[4], ARGV[5]
      change(key, task)
      return 1
      """)

  /// ARGV: limit. For each piece of work: key, work, state, since, attempts, worker, error, done, total.
  ///
  /// Entries of a stream are read in their order, so those that run come before those that wait.
  static let listRepairs = RedisScript(
    repairs + """
      local keys, limit = {}, tonumber(ARGV[1])
      for _, from in ipairs({urgent, queue}) do
        local left = limit - #keys
        local entries = left > 0 and redis.call('XRANGE', from, '-', '+', 'COUNT', left) or {}
        for _, entry in ipairs(entries) do keys[#keys + 1] = entry[2][2] end
      end
      if #keys < limit then
        for _, key in ipairs(redis.call('ZRANGE', retries, 0, limit - #keys - 1)) do keys[#keys + 1] = key end
      end
      local answer = {}
      for _, key in ipairs(keys) do
        local task = state(key)
        if task then
          local parts = {
            key, redis.call('HGET', works, key), task.state, task.since, task.attempts, task.worker, task.error,
            task.done, task.total
          }
          for index = 1, 9 do answer[#answer + 1] = parts[index] or false end
        end
      end
      return answer
      """)
}
