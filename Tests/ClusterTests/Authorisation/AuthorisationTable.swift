import Foundation
import Testing

/// What each caller gets for each operation, as a file beside the tests writes it out.
///
/// A line has an operation, what it is about, and a status for each caller; blanks separate them. `#` begins a comment.
/// An admitted caller may still get an error that needs no access to find, such as a 404 for an upload that is not there.
struct AuthorisationTable {
  /// A line, without its statuses.
  struct Row: Hashable, CustomStringConvertible {
    let operation: String
    /// `-` where there is nothing to choose from.
    let subject: String

    var description: String { "\(operation) \(subject)" }
  }

  let callers: [String]
  private let expected: [Row: [Int]]

  /// - Parameter name: of a file in this folder.
  init(_ name: String, file: String = #filePath) throws {
    let path = URL(fileURLWithPath: file).deletingLastPathComponent().appending(path: name)
    let lines = try String(contentsOf: path, encoding: .utf8).split(separator: "\n")
      .map { $0.prefix { $0 != "#" }.split(separator: " ") }.filter { !$0.isEmpty }
    callers = try #require(lines.first).dropFirst(2).map(String.init)
    var expected: [Row: [Int]] = [:]
    for words in lines.dropFirst() {
      let statuses = words.dropFirst(2).compactMap { Int($0) }
      try #require(statuses.count == callers.count, "\(name): \(words.joined(separator: " "))")
      let row = Row(operation: String(words[0]), subject: String(words[1]))
      try #require(expected.updateValue(statuses, forKey: row) == nil, "\(name) has two lines for \(row)")
    }
    self.expected = expected
  }

  /// Compares with what callers got, and prints the lines that should be in the file where they differ.
  func expect(_ found: [Row: [Int]], sourceLocation: SourceLocation = #_sourceLocation) {
    for row in Set(found.keys).union(expected.keys).sorted(by: { "\($0)" < "\($1)" }) {
      let (told, got) = (expected[row], found[row])
      guard told != got else { continue }
      Issue.record(
        "\(row): the table says \(told.map(text) ?? "nothing"), callers got \(got.map(text) ?? "nothing")",
        sourceLocation: sourceLocation)
    }
  }

  private func text(_ statuses: [Int]) -> String {
    zip(callers, statuses).map { "\($0) \($1)" }.joined(separator: ", ")
  }
}
