import CairnClient
import Foundation

/// Standard output of every command. Each write is checked: a full disk fails the command, a closed pipe ends it quietly.
enum StandardOutput {
  /// Whether people read it, and not a program.
  static var isTerminal: Bool { isatty(STDOUT_FILENO) == 1 }

  /// - Throws: ``ClientError/outputClosed``, or ``ClientError/local(_:)`` with the reason.
  static func line(_ text: String) throws(ClientError) { try write(text + "\n") }

  static func write(_ text: String) throws(ClientError) {
    var text = text
    let failure = text.withUTF8 { bytes -> ClientError? in
      do throws(ClientError) { try OutputDescriptor.standardOutput.write(UnsafeRawBufferPointer(bytes)) } catch {
        return error
      }
      return nil
    }
    if let failure { throw failure }
  }

  /// A value as JSON, with the keys' words joined by underscores.
  static func json(_ value: some Encodable) throws(ClientError) {
    let encoder = JSONEncoder()
    encoder.keyEncodingStrategy = .convertToSnakeCase
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    let text: String
    do { text = String(decoding: try encoder.encode(value), as: UTF8.self) } catch {
      throw .local("The result can't be written as JSON: \(error)")
    }
    try line(text)
  }
}
