internal import Crypto

/// A Lua script: one atomic step on the server. Called by its SHA-1, and sent only where the server doesn't know it.
///
/// Scripts compare bytes with `older`, never with `<`: in Lua that follows the locale of the server.
struct RedisScript: Sendable {
  let source: String
  let sha1: String

  init(_ source: String) {
    self.source = source
    sha1 = Insecure.SHA1.hash(data: Array(source.utf8)).reduce(into: "") { digits, byte in
      let text = String(byte, radix: 16)
      digits += byte < 16 ? "0" + text : text
    }
  }

  /// Lua that lets the changes behind it be made in a Redis that has reached its `maxmemory`: for what deletes, and for
  /// what a cluster needs so that anybody can delete.
  ///
  /// Redis refuses a script's first change, or none; and the first one here takes no memory (see "Script and memory" in
  /// Redis's documentation of scripts). In this way it needs no flag that only newer versions know.
  ///
  /// - Parameter hash: Lua for the name of a key that is a HASH, or isn't there.
  static func allowedWhenFull(_ hash: String) -> String { "redis.call('HDEL', \(hash), '')\n" }

  /// The Lua function `older(a, b)`: whether the 16 bytes of version `a` come before those of `b`.
  static let older = """
    local function older(a, b)
      for i = 1, 16 do
        local x, y = string.byte(a, i), string.byte(b, i)
        if x ~= y then return x < y end
      end
      return false
    end

    """
}
