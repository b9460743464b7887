internal import Synchronization

/// How many connections the listeners that share it may have together.
package final class ConnectionLimit: Sendable {
  /// Connections too many that are open at the same time until they have had their answer.
  private static let refusedMax = 16

  package let max: Int
  private let open = Atomic<Int>(0)
  private let refused = Atomic<Int>(0)

  package init(max: Int) {
    self.max = max
  }

  /// - Returns: false when there are too many.
  func take() -> Bool { Self.take(open, max: max) }

  func giveBack() {
    open.wrappingSubtract(1, ordering: .relaxed)
  }

  /// - Returns: false when a connection that is refused must be closed at once.
  func takeRefused() -> Bool { Self.take(refused, max: Self.refusedMax) }

  func giveBackRefused() {
    refused.wrappingSubtract(1, ordering: .relaxed)
  }

  private static func take(_ count: borrowing Atomic<Int>, max: Int) -> Bool {
    guard count.wrappingAdd(1, ordering: .relaxed).newValue > max else { return true }
    count.wrappingSubtract(1, ordering: .relaxed)
    return false
  }
}

extension ConnectionLimit {
  /// Descriptors that are enough for volumes, the catalog and connections to nodes; of fewer, a quarter is theirs.
  private static let keptDescriptorsMax = 2048

  /// The number of connections that a limit on descriptors leaves room for, for clients and for other processes of the
  /// cluster each: so many that volumes and nodes can still be reached when both are used up.
  package static func connectionsMax(configured: Int, descriptors: Int) -> Int {
    let kept = min(keptDescriptorsMax, descriptors / 4)
    return min(configured, Swift.max(1, (descriptors - kept) / 2))
  }
}
