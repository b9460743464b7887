import CairnClient
import Testing

@testable import cairn

@Suite struct ProgressTextTests {
  private func snapshot(_ rows: [ProgressMeter.Row], files: Int, done: UInt64, total: UInt64?) -> ProgressMeter.Snapshot
  {
    let meter = ProgressMeter(files: files, total: total)
    var snapshot = meter.snapshot()
    snapshot.rows = rows
    snapshot.done = done
    snapshot.moved = done
    snapshot.elapsed = .seconds(2)
    return snapshot
  }

  @Test func oneFileHasOneLine() {
    let row = ProgressMeter.Row(name: "a", done: 1 << 20, total: 4 << 20)
    #expect(
      ProgressText.lines(snapshot([row], files: 1, done: 1 << 20, total: 4 << 20), width: 200) == [
        "[#####---------------] 1.0 MiB of 4.0 MiB, 512.0 KiB/s, 6s left  a"
      ])
  }

  @Test func severalFilesHaveALineEachAndOneForAll() {
    let rows = [ProgressMeter.Row(name: "a\u{1B}[2J", done: 5, total: 10), .init(name: "b", done: 0, total: nil)]
    let lines = ProgressText.lines(snapshot(rows, files: 3, done: 1024, total: nil), width: 200)
    #expect(
      lines == [
        "[##########----------] 5 bytes  a\\u{1b}[2J", "[????????????????????] 0 bytes  b",
        "[????????????????????] 1.0 KiB, 0 of 3 files, 512 bytes/s",
      ])
  }

  @Test func linesFitTheTerminal() {
    let row = ProgressMeter.Row(name: String(repeating: "n", count: 300), done: 0, total: 0)
    for line in ProgressText.lines(snapshot([row, row], files: 2, done: 0, total: 0), width: 40) {
      #expect(line.count < 40)
    }
  }
}
