package import Logging
package import NIOCore

/// The catalog in Redis, shared by all processes of a cluster.
///
/// Each change is one Lua script, so it happens whole or not at all. When an answer is lost, the caller gets
/// ``CatalogError/unavailable(_:)`` and may ask again with the same version: what was done before is then recognised
/// and answered as done.
package final class RedisCatalog: Sendable {
  let client: RedisClient
  let keys: RedisKeys
  let skipped: SkippedEntries
  let evictions: RedisEvictions

  /// - Parameter eventLoopGroup: each of its event loops gets a connection. It must outlive ``close()``.
  /// - Throws: ``CatalogError/failed(_:)`` where the key prefix can't be one.
  package init(
    configuration: RedisConfiguration, eventLoopGroup: any EventLoopGroup, logger: Logger
  ) throws(CatalogError) {
    guard !configuration.keyPrefix.contains(where: { $0 == "{" || $0 == "}" }) else {
      throw .failed("the key prefix '\(configuration.keyPrefix)' contains a brace, which Redis Cluster gives a meaning")
    }
    keys = RedisKeys(prefix: configuration.keyPrefix)
    client = RedisClient(configuration: configuration, eventLoopGroup: eventLoopGroup, logger: logger)
    skipped = SkippedEntries(logger: logger)
    evictions = RedisEvictions(address: configuration.address, logger: logger)
  }

  /// How often an entry was left out because it can't be understood. The log names them.
  package var skippedEntries: Int { skipped.count }

  /// Begins to connect, and keeps connected until ``close()``. Without it the first request connects.
  package func start() {
    client.start()
  }

  /// Ends the connections. Requests that wait, and later ones, fail with ``CatalogError/unavailable(_:)``.
  package func close() async {
    await client.close()
  }
}
