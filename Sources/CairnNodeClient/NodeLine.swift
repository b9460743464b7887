internal import CairnModel
internal import NIOCore
internal import Synchronization

/// The large records that are on their way to one node: few at a time, in the order in which they came.
///
/// All uploads share the line to a node. With many at once each would move so slowly that some seem to stand still, and
/// none would be stored earlier for it.
final class NodeLine: Sendable {
  /// Bytes on their way at once: enough for a fast line and a disk that syncs in the meantime. A larger record goes
  /// alone.
  static let bytesMax = 32 << 20
  /// Smaller records don't wait: they would only stand behind large ones.
  static let recordLengthMin = 1 << 20

  private struct Waiter {
    let length: Int
    let continuation: CheckedContinuation<Bool, Never>
  }

  private struct State {
    var bytes = 0
    var waiters = CircularBuffer<Waiter>()

    func hasRoom(for length: Int) -> Bool { bytes == 0 || bytes + length <= NodeLine.bytesMax }
  }

  private let state = Mutex(State())

  var waiterCount: Int { state.withLock { $0.waiters.count } }

  /// Waits for the turn of a record; ``leave(_:failed:)`` must follow.
  ///
  /// - Returns: false when a record before it could not be sent. Then this one is not on its way.
  func enter(_ length: Int) async -> Bool {
    await withCheckedContinuation { continuation in
      let isNext = state.withLock { state in
        guard state.waiters.isEmpty, state.hasRoom(for: length) else {
          state.waiters.append(Waiter(length: length, continuation: continuation))
          return false
        }
        state.bytes += length
        return true
      }
      if isNext { continuation.resume(returning: true) }
    }
  }

  /// - Parameter failed: the node could not be reached. All who wait for their turn fail at once, instead of running
  ///   into the same time-out one after the other.
  func leave(_ length: Int, failed: Bool) {
    let next = state.withLock { state in
      state.bytes -= length
      var next: [Waiter] = []
      while let waiter = state.waiters.first, failed || state.hasRoom(for: waiter.length) {
        state.waiters.removeFirst()
        if !failed { state.bytes += waiter.length }
        next.append(waiter)
      }
      return next
    }
    for waiter in next { waiter.continuation.resume(returning: !failed) }
  }
}

/// The lines to all nodes of a cluster.
package final class NodeLines: Sendable {
  private let lines = Mutex<[NodeID: NodeLine]>([:])

  package init() {}

  func line(to node: NodeID) -> NodeLine {
    lines.withLock { lines in
      if let line = lines[node] { return line }
      let line = NodeLine()
      lines[node] = line
      return line
    }
  }
}
