import CFatalSignals
import Foundation
import Glibc
import NIOCore
import Synchronization

/// Lines on their way to a descriptor, written in order by a thread of their own: nobody who logs waits for whoever reads
/// the other end, and a pipe that nobody reads stops the log, not the process.
final class LineQueue: Sendable {
  /// Bytes that wait at most: some thousands of lines. What does not fit is dropped and counted.
  static let bytesMax = 1 << 20
  /// How long the end of the process waits for lines to be written.
  static let flushPatience: Duration = .seconds(2)

  /// Where logs go.
  static let standardError = LineQueue(descriptor: STDERR_FILENO)

  private struct State {
    var waiting: [ByteBuffer] = []
    var bytes = 0
    var dropped = 0
    /// The line that tells how many were dropped, in the format of the others.
    var notice: (@Sendable (_ dropped: Int) -> ByteBuffer)?
    /// Until the thread has nothing to write.
    var isWriting = false
    var isStarted = false
  }

  private let descriptor: Int32
  private let bytesMax: Int
  private let state = Mutex(State())
  private let wakeUp = DispatchSemaphore(value: 0)

  init(descriptor: Int32, bytesMax: Int = bytesMax) {
    self.descriptor = descriptor
    self.bytesMax = bytesMax
  }

  /// Says how to tell that lines were dropped.
  func noticeDrops(_ notice: @escaping @Sendable (_ dropped: Int) -> ByteBuffer) {
    state.withLock { $0.notice = notice }
  }

  /// Takes a line, with its line break. Never blocks.
  func add(_ line: ByteBuffer) {
    let (wakes, starts) = state.withLock { state in
      guard state.bytes + line.readableBytes <= bytesMax else {
        state.dropped += 1
        return (false, false)
      }
      state.bytes += line.readableBytes
      state.waiting.append(line)
      cairn_add_waiting_log_lines(1)
      defer { (state.isWriting, state.isStarted) = (true, true) }
      return (!state.isWriting, !state.isStarted)
    }
    if starts { Thread.detachNewThread { [self] in run() } }
    if wakes { wakeUp.signal() }
  }

  /// Waits until all lines are written, but no longer than `patience`: nobody may be reading.
  ///
  /// - Returns: whether all are written.
  @discardableResult
  func flush(within patience: Duration = flushPatience) -> Bool {
    let deadline = ContinuousClock.now + patience
    while state.withLock({ $0.isWriting }) {
      guard ContinuousClock.now < deadline else { return false }
      usleep(1000)
    }
    return true
  }

  private func run() -> Never {
    while true {
      wakeUp.wait()
      while let lines = next() {
        for line in lines {
          write(line)
          state.withLock { $0.bytes -= line.readableBytes }
          cairn_add_waiting_log_lines(-1)
        }
      }
    }
  }

  /// What waits, and behind it how much didn't fit.
  private func next() -> [ByteBuffer]? {
    state.withLock { state in
      guard !state.waiting.isEmpty || state.dropped > 0 else {
        state.isWriting = false
        return nil
      }
      var lines: [ByteBuffer] = []
      swap(&lines, &state.waiting)
      if state.dropped > 0, let line = state.notice?(state.dropped) {
        state.bytes += line.readableBytes
        cairn_add_waiting_log_lines(1)
        lines.append(line)
      }
      state.dropped = 0
      return lines
    }
  }

  private func write(_ line: ByteBuffer) {
    line.withUnsafeReadableBytes { bytes in
      var rest = bytes[...]
      while !rest.isEmpty {
        let count = Glibc.write(descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
        if count > 0 {
          rest = rest.dropFirst(count)
        } else if errno == EAGAIN {
          // Somebody else has made the terminal or pipe non-blocking.
          var target = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
          poll(&target, 1, -1)
        } else if errno != EINTR {
          // It is closed: nobody will ever read this.
          return
        }
      }
    }
  }
}
