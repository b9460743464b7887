import CairnClient

/// What people see of transfers under way.
enum ProgressText {
  private static let barWidth = 20
  /// Files that are shown at once; the last line counts them all.
  private static let rowsMax = 8

  /// A line for each file under way, and one for all.
  static func lines(_ snapshot: ProgressMeter.Snapshot, width: Int) -> [String] {
    var lines: [String] = []
    if snapshot.files > 1 {
      lines = snapshot.rows.prefix(rowsMax).map { row in
        "\(bar(row.done, of: row.total)) \(Amounts.bytes(row.done))  \(BlobClient.quoted(row.name))"
      }
    }
    let name = snapshot.files == 1 ? snapshot.rows.first.map { "  " + BlobClient.quoted($0.name) } ?? "" : ""
    lines.append(total(snapshot) + name)
    return lines.map { String($0.prefix(max(width - 1, 1))) }
  }

  private static func total(_ snapshot: ProgressMeter.Snapshot) -> String {
    let seconds = snapshot.elapsed / .seconds(1)
    let rate = seconds > 0 ? Double(snapshot.moved) / seconds : 0
    var parts = ["\(bar(snapshot.done, of: snapshot.total)) \(Amounts.bytes(snapshot.done))"]
    if let total = snapshot.total { parts[0] += " of \(Amounts.bytes(total))" }
    if snapshot.files > 1 { parts.append("\(snapshot.filesDone) of \(snapshot.files) files") }
    parts.append("\(Amounts.bytes(UInt64(rate)))/s")
    if let total = snapshot.total, total > snapshot.done, rate >= 1 {
      parts.append("\(Amounts.time(seconds: UInt64(Double(total - snapshot.done) / rate))) left")
    }
    return parts.joined(separator: ", ")
  }

  private static func bar(_ done: UInt64, of total: UInt64?) -> String {
    guard let total else { return "[" + String(repeating: "?", count: barWidth) + "]" }
    let share = total == 0 ? 1 : min(Double(done) / Double(total), 1)
    let filled = Int(share * Double(barWidth))
    return "[" + String(repeating: "#", count: filled) + String(repeating: "-", count: barWidth - filled) + "]"
  }
}
