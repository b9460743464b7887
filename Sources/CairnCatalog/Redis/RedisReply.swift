internal import NIOCore

/// An answer of Redis, as RESP2 has it.
enum RedisReply: Hashable, Sendable {
  case null
  case integer(Int64)
  /// `+OK`
  case status(String)
  case error(RedisErrorReply)
  case bytes(ByteBuffer)
  case array([RedisReply])
}

extension RedisReply {
  /// The name of an entry, for people: at most so many bytes of it.
  var entryName: String {
    let nameBytesMax = 100
    guard case .bytes(let bytes) = self else { return "?" }
    return String(decoding: bytes.readableBytesView.prefix(nameBytesMax), as: UTF8.self)
  }

  /// What a script answers that says 1 or 0: whether it did something.
  func isDone(by script: StaticString) throws(CatalogError) -> Bool {
    guard case .integer(let count) = self else { throw .unexpected(self, to: script) }
    return count != 0
  }
}

/// An error that Redis answered with: `-CODE text`.
struct RedisErrorReply: Error, Hashable, Sendable {
  let text: String

  /// The word that says what kind of error it is.
  ///
  /// Before version 7 Redis wrapped the errors of commands in scripts: `ERR Error running script (…): …: -CODE text`.
  var code: Substring {
    let code = text.prefix { $0 != " " }
    guard code == "ERR", let wrapped = text.firstRange(of: ": -") else { return code }
    return text[wrapped.upperBound...].prefix { $0 != " " }
  }

  /// Redis refuses what needs memory. Nothing was changed: a script gets this for its first change, or never.
  static let outOfMemory = "OOM"

  /// Whether a connection that gave this error can be expected to go on giving it: another one, made later or to where
  /// the name points then, may do better.
  var condemnsConnection: Bool {
    switch code {
    case "LOADING", "READONLY", "MASTERDOWN": true
    default: false
    }
  }

  /// Whether it says that Redis can't do now what it usually can.
  var isTransient: Bool {
    switch code {
    case "CLUSTERDOWN", "TRYAGAIN", "BUSY", "MISCONF", "NOREPLICAS": true
    default: condemnsConnection
    }
  }
}

extension CatalogError {
  init(_ error: RedisErrorReply, from address: RedisConfiguration.Address) {
    switch error.code {
    case RedisErrorReply.outOfMemory:
      self = .full(
        "Redis at \(address) has reached its maxmemory, and takes no new entries: delete files, or raise maxmemory")
    case _ where error.isTransient: self = .unavailable("Redis at \(address): \(error.text)")
    default: self = .failed("Redis: \(error.text)")
    }
  }

  /// Redis answered something that the command or script never answers.
  static func unexpected(_ reply: RedisReply, to command: StaticString) -> CatalogError {
    .failed("Redis gave an unexpected answer to \(command): \(String(describing: reply).prefix(200))")
  }
}
