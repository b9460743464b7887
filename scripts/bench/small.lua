-- The load of small blobs for wrk: PUT of names that are new, or GET of names at random.
--   LOAD    put | fill | get | heads
--   PREFIX  the path before the name
--   FIRST   put, fill: the number of the first name
--   COUNT   fill: names go round after so many; get: how many names there are
--   SIZE    put, fill: bytes of a body
--   HEADS   heads: a file with whole request heads, sent in their order
--   BODY    heads: a file with the body that goes with each, or nothing
-- Its last line is the result as JSON.

local threads = {}

function setup(thread)
  thread:set("number", #threads)
  table.insert(threads, thread)
end

function init()
  load = os.getenv("LOAD")
  prefix = os.getenv("PREFIX")
  count = tonumber(os.getenv("COUNT") or "0")
  step = tonumber(os.getenv("THREADS") or "1")
  next_name = tonumber(os.getenv("FIRST") or "0") + number
  math.randomseed(7919 * (number + 1))
  if load == "heads" then
    -- Made beforehand: a signature here would cost more than the server's answer.
    local file = assert(io.open(os.getenv("HEADS"), "rb"))
    local heads = {}
    for head in file:read("*a"):gmatch("(.-\r\n\r\n)") do heads[#heads + 1] = head end
    file:close()
    local body = ""
    if os.getenv("BODY") ~= "" then
      file = assert(io.open(os.getenv("BODY"), "rb"))
      body = file:read("*a")
      file:close()
    end
    local position = number
    request = function()
      local head = heads[position % #heads + 1]
      position = position + step
      return head .. body
    end
  elseif load == "get" then
    -- Formatted once: the generator should cost as little as it can.
    requests = {}
    for i = 0, count - 1 do
      requests[i] = wrk.format("GET", prefix .. "b" .. i)
    end
    request = function() return requests[math.random(0, count - 1)] end
  else
    local bytes = {}
    for i = 1, tonumber(os.getenv("SIZE")) do
      bytes[i] = string.char(math.random(0, 255))
    end
    local size = #bytes
    local tail = " HTTP/1.1\r\nHost: " .. wrk.headers["Host"] .. "\r\nContent-Type: application/octet-stream\r\n"
      .. "Content-Length: " .. size .. "\r\n\r\n" .. table.concat(bytes)
    local head = "PUT " .. prefix .. (load == "fill" and "b" or "n")
    request = function()
      local name = next_name
      next_name = next_name + step
      if load == "fill" then name = name % count end
      return head .. name .. tail
    end
  end
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '{"requests": %d, "seconds": %.6f, "p50_ms": %.3f, "p99_ms": %.3f, "refused": %d, "broken": %d}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
    errors.status, errors.connect + errors.read + errors.write + errors.timeout))
end
