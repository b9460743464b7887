import CFatalSignals
import Logging

/// A crash leaves a line in the log, whatever thread it happens on.
enum FatalSignals {
  /// Prepares the line: when the process crashes, nothing can be put together any more.
  static func report(role: String, version: String, format: LineLogHandler.Format) {
    let message = "ended by a fatal signal"
    switch format {
    case .text:
      cairn_report_fatal_signals("CRITICAL \(role): \(message) version=\(version) signal=", "\n")
    case .json:
      cairn_report_fatal_signals(
        #"{"level":"critical","role":"\#(role)","message":"\#(message)","version":"\#(version)","signal":""#, "\"}\n")
    }
  }
}
