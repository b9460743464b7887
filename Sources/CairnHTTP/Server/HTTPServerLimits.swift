package import NIOCore

/// What one connection, and all of them together, may use.
package struct HTTPServerLimits: Sendable {
  /// From the first byte of a request to the end of its headers (`REQUEST_TIMEOUT`).
  package var requestTimeout: TimeAmount = .seconds(30)
  /// Without any byte read or written: between requests, within a body, within an answer (`IDLE_TIMEOUT`).
  package var idleTimeout: TimeAmount = .seconds(60)
  /// Bytes a second at which a body must come at least while the server waits for it (`MIN_UPLOAD_RATE`); 0 for any.
  /// Far less than any line that is of use, and enough that nobody can keep a request open for ever.
  package var uploadRateMin = 1024
  /// For so long a server waits for a body before it judges the rate.
  package var uploadRatePeriod: TimeAmount = .seconds(60)
  /// Connections at the same time (`MAX_CONNECTIONS`); more are answered 503.
  package var connectionsMax = 8192

  /// Header lines in a request: S3 clients may send almost a hundred entries of metadata besides their own; few enough
  /// to search one by one.
  package static let headerCountMax = 256
  /// Bytes of names and values of all headers and the target. An incomplete head is refused at about the same size.
  package static let headerBytesMax = MessageBudget.bytesMax
  /// Bytes of a request's body that are thrown away to keep a connection whose request was refused.
  static let drainBytesMax = 256 << 10
  /// How long a closing connection still takes what its client sends, so that the client can read the answer.
  static let lingerTimeout: TimeAmount = .seconds(5)

  package init() {}
}
