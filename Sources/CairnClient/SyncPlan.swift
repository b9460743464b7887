package import CairnModel

/// What has to be done so that a target has the files of a source. Pure: from what is known of both.
package struct SyncPlan: Hashable, Sendable {
  /// Missing in the target, or different there.
  package var transfers: [ByteText] = []
  /// Of the same size on both sides: to be compared by their checksums.
  package var comparisons: [ByteText] = []
  /// In the target only.
  package var extras: [ByteText] = []

  /// - Parameter source, target: sizes by relative path.
  package init(source: [ByteText: UInt64], target: [ByteText: UInt64]) {
    for path in source.keys.sorted() {
      if target[path] == source[path] { comparisons.append(path) } else { transfers.append(path) }
    }
    extras = target.keys.filter { source[$0] == nil }.sorted()
  }

  /// After the comparison: those that differ are transferred as well.
  ///
  /// - Parameter differs: of a path that was to be compared.
  package func settled(_ differs: (ByteText) -> Bool) -> SyncPlan {
    var plan = self
    plan.transfers = (transfers + comparisons.filter(differs)).sorted()
    plan.comparisons = []
    return plan
  }
}
