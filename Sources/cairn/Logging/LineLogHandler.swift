import CairnHTTP
import CairnModel
import Glibc
import Logging
import NIOCore

/// Writes a line for each event to standard error: text for a terminal, JSON for everything else.
struct LineLogHandler: LogHandler {
  enum Format: Sendable {
    case text
    case json

    /// What suits standard error as it is now.
    static func automatic() -> Format { isatty(STDERR_FILENO) == 1 ? .text : .json }
  }

  var metadata: Logger.Metadata = [:]
  var logLevel: Logger.Level
  private let label: String
  private let format: Format

  init(label: String, format: Format, level: Logger.Level) {
    self.label = label
    self.format = format
    logLevel = level
  }

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  // swift-format-ignore: NoLeadingUnderscores
  func log(
    level: Logger.Level, message: Logger.Message, metadata: Logger.Metadata?, source: String, file: String,
    function: String, line: UInt
  ) {
    let fields = self.metadata.merging(metadata ?? [:]) { $1 }.sorted { $0.key < $1.key }
    let time = HTTPDate.iso8601(nanosecondsSinceEpoch: Timestamp.now().nanosecondsSinceEpoch)
    var text: ByteBuffer
    switch format {
    case .text:
      text = ByteBuffer(string: "\(time) \(level.rawValue.uppercased()) \(label): \(message)")
      for (key, value) in fields { text.writeString(" \(key)=\(value)") }
    case .json:
      var json = JSONText()
      json.object { json in
        json.member("time", time)
        json.member("level", level.rawValue)
        json.member("role", label)
        json.member("message", message.description)
        for (key, value) in fields { json.member(dynamic: key, value.description) }
      }
      text = json.buffer
    }
    text.writeString("\n")
    // One write a line, so that the lines of several threads don't mix.
    text.withUnsafeReadableBytes { _ = write(STDERR_FILENO, $0.baseAddress, $0.count) }
  }
}
