internal import Logging
internal import NIOCore
internal import NIOPosix

/// Redis for all event loops of a group: each has a connection of its own, so that a request never leaves the event
/// loop that it is made on.
final class RedisClient: Sendable {
  let address: RedisConfiguration.Address
  private let availability: RedisAvailability
  private let connections: [RedisConnection]
  private let byLoop: [ObjectIdentifier: RedisConnection]

  init(configuration: RedisConfiguration, eventLoopGroup: any EventLoopGroup, logger: Logger) {
    address = configuration.address
    let availability = RedisAvailability(address: configuration.address, logger: logger)
    self.availability = availability
    connections = eventLoopGroup.makeIterator().map { loop in
      RedisConnection(eventLoop: loop, configuration: configuration, availability: availability)
    }
    for connection in connections { connection.introduce(connections) }
    precondition(!connections.isEmpty, "a group has at least one event loop")
    byLoop = Dictionary(uniqueKeysWithValues: connections.map { (ObjectIdentifier($0.eventLoop), $0) })
  }

  /// Connections that were lost, and tries to connect that failed.
  var interruptions: Int { availability.failures }

  /// Begins to connect on each event loop. Requests do so by themselves.
  func start() {
    for connection in connections {
      connection.eventLoop.execute { connection.start() }
    }
  }

  /// Ends all connections; requests that wait, and later ones, fail.
  func close() async {
    for connection in connections {
      // A channel's close can't fail in a way that anyone could still act on.
      try? await connection.eventLoop.flatSubmit { connection.close() }.get()
    }
  }

  /// Sends a command and gives the answer, which is not an error.
  ///
  /// - Throws: ``CatalogError/unavailable(_:)`` where Redis can't be reached or can't serve now. When the connection
  ///   was lost after the command was written, whether Redis has done it is unknown.
  func send(_ command: RedisCommand) async throws(CatalogError) -> RedisReply {
    switch try await reply(to: command) {
    case .error(let error): throw CatalogError(error, from: address)
    case let reply: return reply
    }
  }

  /// Runs a script on keys that share a hash tag.
  ///
  /// - Throws: as ``send(_:)``.
  func run<each Argument: RedisArgument>(
    _ script: RedisScript, keys: [String], _ arguments: repeat each Argument
  ) async throws(CatalogError) -> RedisReply {
    func command(_ verb: String, _ script: String) -> RedisCommand {
      var command = RedisCommand(verb, script, keys.count)
      for key in keys { command.append(key) }
      repeat command.append(each arguments)
      return command
    }
    let reply = try await reply(to: command("EVALSHA", script.sha1))
    guard case .error(let error) = reply else { return reply }
    // The server was restarted, or its scripts were flushed. It has done nothing so far.
    guard error.code == "NOSCRIPT" else { throw CatalogError(error, from: address) }
    return try await send(command("EVAL", script.source))
  }

  private func reply(to command: RedisCommand) async throws(CatalogError) -> RedisReply {
    let connection = self.connection
    let result: Result<RedisReply, CatalogError> = await withCheckedContinuation { answer in
      let request = RedisRequest(command: command, answer: answer)
      if connection.eventLoop.inEventLoop {
        connection.send(request)
      } else {
        connection.eventLoop.execute { connection.send(request) }
      }
    }
    return try result.get()
  }

  /// The one of the event loop that the caller runs on, or any for a caller from elsewhere.
  private var connection: RedisConnection {
    if let loop = MultiThreadedEventLoopGroup.currentEventLoop, let own = byLoop[ObjectIdentifier(loop)] { return own }
    return connections[Int.random(in: 0..<connections.count)]
  }
}
