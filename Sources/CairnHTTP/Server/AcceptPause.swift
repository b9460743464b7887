internal import Logging
internal import NIOCore

/// Stops a listener from accepting while there are no descriptors for connections: the shell around
/// ``AcceptPauseState``.
///
/// SwiftNIO's `AcceptBackoffHandler` does not do: the read that failed stays pending, so the poller reports the listener
/// again and again.
final class AcceptPause: ChannelInboundHandler, @unchecked Sendable {
  typealias InboundIn = any Channel

  private let logger: Logger
  private var state = AcceptPauseState()
  /// Ends the episode.
  private var end: Scheduled<Void>?

  init(logger: Logger) {
    self.logger = logger
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    guard let error = error as? IOError, AcceptPauseState.isShortage(error.errnoCode) else {
      return context.fireErrorCaught(error)
    }
    let failure = state.failed()
    if failure.isFirst {
      logger.warning(
        "cannot accept connections: the process or the machine is out of descriptors or memory for sockets; clients wait until others close. Raise the limit (ulimit -n), or lower MAX_CONNECTIONS",
        metadata: ["error": "\(error)"])
    }
    let channel = context.channel
    channel.setOption(ChannelOptions.autoRead, value: false).whenComplete { _ in }
    context.eventLoop.scheduleTask(in: failure.pause) {
      channel.setOption(ChannelOptions.autoRead, value: true).whenComplete { _ in }
    }
    end?.cancel()
    end = context.eventLoop.scheduleTask(in: failure.pause + AcceptPauseState.quietTime) { [self] in
      logger.notice("connections are accepted again", metadata: ["failures": "\(state.endEpisode())"])
    }
  }

  func channelInactive(context: ChannelHandlerContext) {
    end?.cancel()
    context.fireChannelInactive()
  }
}
