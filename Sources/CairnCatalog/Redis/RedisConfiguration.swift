package import NIOCore

/// How to reach Redis, and where in it the catalog is.
package struct RedisConfiguration: Sendable {
  package enum Address: Hashable, Sendable, CustomStringConvertible {
    /// A name is resolved anew for each connection, so that a fail-over by DNS is followed.
    case host(String, port: Int)
    case unixSocket(path: String)

    package var description: String {
      switch self {
      case .host(let name, let port): "\(name):\(port)"
      case .unixSocket(let path): path
      }
    }
  }

  package var address: Address
  /// Only with a password; nil for Redis's default user.
  package var username: String?
  package var password: String?
  /// The number of the database, 0 where Redis Cluster is to follow.
  package var database: Int
  /// What the names of all keys start with, so that several clusters can share one Redis. Without `{` and `}`, which
  /// say how Redis Cluster distributes keys.
  package var keyPrefix: String
  package var connectTimeout: TimeAmount
  /// How long Redis may take for one answer before the connection is given up.
  package var commandTimeout: TimeAmount

  package init(
    address: Address, username: String? = nil, password: String? = nil, database: Int = 0,
    keyPrefix: String = "cairn", connectTimeout: TimeAmount = .seconds(5), commandTimeout: TimeAmount = .seconds(5)
  ) {
    self.address = address
    self.username = username
    self.password = password
    self.database = database
    self.keyPrefix = keyPrefix
    self.connectTimeout = connectTimeout
    self.commandTimeout = commandTimeout
  }
}

extension RedisConfiguration: CustomStringConvertible {
  /// Without the password.
  package var description: String { "redis \(address) database \(database) prefix '\(keyPrefix)'" }
}

/// Limits of a connection to Redis.
enum RedisLimits {
  /// Bytes of one reply: a page of a list whose names and attributes are all as long as they can be takes about
  /// 66 MiB.
  static let replyLengthMax = 128 << 20
  /// Requests of one event loop that wait for their answers. With more, Redis is the bottleneck, and waiting longer
  /// helps nobody.
  static let pendingMax = 16_384
}
