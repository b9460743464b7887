package import Logging
internal import Synchronization

/// Keeps what is logged.
package final class LogRecorder: Sendable {
  private struct Line {
    let level: Logger.Level
    let message: String
    let metadata: Logger.Metadata
  }

  private let lines = Mutex<[Line]>([])

  package init() {}

  package var logger: Logger {
    var logger = Logger(label: "test") { _ in Handler(recorder: self) }
    logger.logLevel = .trace
    return logger
  }

  package func messages(_ level: Logger.Level) -> [String] {
    lines.withLock { lines in lines.filter { $0.level == level }.map(\.message) }
  }

  /// Lines whose message and metadata have all of these words.
  package func count(_ words: String...) -> Int {
    lines.withLock { lines in
      lines.count { line in
        let text = "\(line.message) \(line.metadata)"
        return words.allSatisfy { text.contains($0) }
      }
    }
  }

  private struct Handler: LogHandler {
    let recorder: LogRecorder
    var metadata: Logger.Metadata = [:]
    var logLevel: Logger.Level = .trace

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
      get { metadata[key] }
      set { metadata[key] = newValue }
    }

    func log(
      level: Logger.Level, message: Logger.Message, metadata: Logger.Metadata?, source: String, file: String,
      function: String, line: UInt
    ) {
      recorder.lines.withLock { $0.append(Line(level: level, message: "\(message)", metadata: metadata ?? [:])) }
    }
  }
}
