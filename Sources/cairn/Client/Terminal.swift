import Foundation
import Synchronization

/// Standard error: lines that stay, and below them lines that are drawn anew.
final class Terminal: Sendable {
  private struct State {
    var drawn = 0
    var isClosed = false
  }

  private let state = Mutex(State())

  /// Whether somebody sees what is drawn.
  static var isInteractive: Bool { isatty(STDERR_FILENO) == 1 }

  /// Columns.
  static var width: Int {
    var size = winsize()
    guard ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
    return Int(size.ws_col)
  }

  /// A line that stays.
  func say(_ line: String) {
    state.withLock { state in
      write(erasure(&state) + line + "\n")
    }
  }

  /// Lines in the place of those that were drawn before.
  func draw(_ lines: [String]) {
    state.withLock { state in
      guard !state.isClosed else { return }
      let text = erasure(&state) + lines.map { $0 + "\n" }.joined()
      state.drawn = lines.count
      write(text)
    }
  }

  /// Removes what was drawn; nothing is drawn any more.
  func close() {
    state.withLock { state in
      state.isClosed = true
      write(erasure(&state))
    }
  }

  private func erasure(_ state: inout State) -> String {
    defer { state.drawn = 0 }
    return state.drawn == 0 ? "" : "\u{1B}[\(state.drawn)A\u{1B}[J"
  }

  private func write(_ text: String) {
    guard !text.isEmpty else { return }
    try? FileHandle.standardError.write(contentsOf: Data(text.utf8))
  }
}
