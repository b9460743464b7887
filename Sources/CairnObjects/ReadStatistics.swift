internal import CairnModel
internal import Synchronization

/// How many reads each node is busy with, as far as this coordinator knows.
final class NodeLoads: Sendable {
  private let counts = Mutex<[NodeID: Int]>([:])

  func begin(_ node: NodeID) {
    counts.withLock { $0[node, default: 0] += 1 }
  }

  func end(_ node: NodeID) {
    counts.withLock { counts in
      guard let count = counts[node] else { return }
      counts[node] = count > 1 ? count - 1 : nil
    }
  }

  func count(of node: NodeID) -> Int {
    counts.withLock { $0[node] ?? 0 }
  }
}

/// How long replicas took to answer of late, to tell when one takes unusually long ("The Tail at Scale", Dean and
/// Barroso, 2013).
final class ReadLatencies: Sendable {
  private static let sampleCount = 256
  /// A percentile of few samples means nothing.
  private static let samplesMin = 64
  /// Asking twice earlier than this would cost more than it gains.
  private static let patienceMin: Duration = .milliseconds(5)

  private struct State {
    var samples: [Duration] = []
    var next = 0
    var patience: Duration?
  }

  private let state = Mutex(State())

  /// The 99th percentile; nil while too little is known.
  var patience: Duration? { state.withLock { $0.patience } }

  func add(_ latency: Duration) {
    state.withLock { state in
      if state.samples.count < Self.sampleCount {
        state.samples.append(latency)
      } else {
        state.samples[state.next] = latency
      }
      state.next = (state.next + 1) % Self.sampleCount
      guard state.next % Self.samplesMin == 0 else { return }
      let sorted = state.samples.sorted()
      state.patience = max(sorted[(sorted.count - 1) * 99 / 100], Self.patienceMin)
    }
  }
}
