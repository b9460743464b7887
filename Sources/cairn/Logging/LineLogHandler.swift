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
  private let lines: LineQueue

  init(label: String, format: Format, level: Logger.Level, to lines: LineQueue = .standardError) {
    self.label = label
    self.format = format
    self.lines = lines
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
    lines.add(
      Self.line(
        level, label, "\(message)", self.metadata.merging(metadata ?? [:]) { $1 }.mapValues { "\($0)" }, as: format))
  }

  /// An event as it is written, with its line break.
  static func line(
    _ level: Logger.Level, _ label: String, _ message: String, _ metadata: [String: String], as format: Format
  ) -> ByteBuffer {
    let fields = metadata.sorted { $0.key < $1.key }
    let time = HTTPDate.iso8601(nanosecondsSinceEpoch: Timestamp.now().nanosecondsSinceEpoch)
    var text: ByteBuffer
    switch format {
    case .text:
      text = ByteBuffer(string: "\(time) \(level.rawValue.uppercased()) \(label): \(message)")
      for (key, value) in fields { text.writeString(" \(key)=\(value)") }
      ControlCharacters.escape(&text, as: .text)
    case .json:
      var json = JSONText()
      json.object { json in
        json.member("time", time)
        json.member("level", level.rawValue)
        json.member("role", label)
        json.member("message", message)
        for (key, value) in fields { json.member(dynamic: key, value) }
      }
      text = json.buffer
      ControlCharacters.escape(&text, as: .json)
    }
    text.writeString("\n")
    return text
  }
}
