import ArgumentParser
import Foundation
import Testing

@testable import cairn

/// `docs/cli.md` is what the commands say of themselves. `make docs` writes it.
@Suite struct ReferenceTests {
  private static let path = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .appending(path: "../../docs/cli.md").standardizedFileURL

  private static let columns = 100

  private static func chapter(_ command: any ParsableCommand.Type, _ path: [String]) -> String {
    let help = Cairn.helpMessage(for: command, includeHidden: false, columns: columns)
    return "## \(path.joined(separator: " "))\n\n```\n\(help.trimmingCharacters(in: .whitespacesAndNewlines))\n```\n"
  }

  private static func chapters(_ command: any ParsableCommand.Type, _ path: [String]) -> [String] {
    [chapter(command, path)]
      + command.configuration.subcommands.flatMap { chapters($0, path + [$0._commandName]) }
  }

  private static var reference: String {
    """
    # The command line

    Written by `make docs` from the definitions of the commands; a test tells when it is stale. The shell completes
    commands and options with what `cairn --generate-completion-script bash` (or `zsh`, `fish`) prints.

    | exit code | meaning |
    |---|---|
    | 0 | all went well |
    | 1 | something failed; standard error says what, and what to do |
    | 3 | a file does not exist |
    | 4 | a checksum differs |
    | 5 | the server can't be reached, or the connection broke again and again |
    | 64 | a mistake on the command line |
    | 130 | interrupted; temporary files are removed |
    | 141 | the reader of standard output went away, as in `cairn ls` into `head` |

    When several files fail, the code is theirs if it is the same for all, else 1.


    """ + chapters(Cairn.self, ["cairn"]).joined(separator: "\n")
  }

  private func words(_ text: String) -> [Substring] { text.split(whereSeparator: \.isWhitespace) }

  @Test func theReferenceIsUpToDate() throws {
    if ProcessInfo.processInfo.environment["CAIRN_WRITE_DOCS"] != nil {
      try Data(Self.reference.utf8).write(to: Self.path)
    }
    let written = try String(contentsOf: Self.path, encoding: .utf8)
    // Other versions of the package that writes the help break its lines elsewhere.
    #expect(words(written) == words(Self.reference), "docs/cli.md is stale: run `make docs`")
  }
}
