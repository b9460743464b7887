/// Lines of words in columns as wide as their longest word.
struct Columns {
  enum Alignment {
    case left, right
  }

  private let alignments: [Alignment]
  private var lines: [[String]]

  init(_ titles: KeyValuePairs<String, Alignment>) {
    alignments = titles.map(\.value)
    lines = [titles.map(\.key)]
  }

  mutating func add(_ words: [String]) {
    lines.append(words.map(Self.printable))
  }

  var text: String {
    let widths = alignments.indices.map { column in lines.map { $0[column].count }.max() ?? 0 }
    return lines.map { line in
      var text = ""
      for (column, word) in line.enumerated() {
        let space = String(repeating: " ", count: widths[column] - word.count)
        text += (column == 0 ? "" : "  ") + (alignments[column] == .right ? space + word : word + space)
      }
      while text.last == " " { text.removeLast() }
      return text
    }.joined(separator: "\n")
  }

  /// Nothing that a server sends moves the cursor or breaks a line.
  static func printable(_ word: String) -> String {
    guard !word.isEmpty else { return "-" }
    return String(
      String.UnicodeScalarView(word.unicodeScalars.map { $0.properties.generalCategory == .control ? " " : $0 }))
  }
}
