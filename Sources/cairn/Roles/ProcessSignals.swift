import Dispatch
import Glibc
import Logging

/// SIGTERM and SIGINT, which end a process in order, and SIGHUP, which does nothing to a service: terminals send it when
/// they are closed, and operators to make a service read its settings again.
///
/// The sources are only kept alive; nothing touches them after `init`.
final class ProcessSignals: @unchecked Sendable {
  private let stream: AsyncStream<Void>
  private let sources: [any DispatchSourceSignal]

  init(ignoresHangUp: Bool, _ logger: Logger) {
    let (stream, continuation) = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))
    self.stream = stream
    let queue = DispatchQueue(label: "signals")
    func source(_ number: Int32, _ handler: @escaping @Sendable () -> Void) -> any DispatchSourceSignal {
      signal(number, SIG_IGN)
      let source = DispatchSource.makeSignalSource(signal: number, queue: queue)
      source.setEventHandler(handler: handler)
      source.resume()
      return source
    }
    // All who wait are told, and who asks later.
    var sources = [SIGTERM, SIGINT].map { source($0) { continuation.finish() } }
    if ignoresHangUp {
      sources.append(
        source(SIGHUP) {
          logger.notice("SIGHUP ignored: settings are read only at start, so restart the process to change them")
        })
    }
    self.sources = sources
  }

  /// Returns when SIGTERM or SIGINT has come.
  func stop() async {
    for await _ in stream { return }
  }
}
