/// A stretch of time in which a catalog's store keeps all that it is given, as ``CatalogEpochs/storeProcess()`` names it.
///
/// In another process it may have come up without its last changes. In the same process, but with more evictions, it
/// has thrown away entries of any age.
package struct StoreLife: Hashable, Sendable {
  package let process: String
  /// Entries that the process has thrown away so far to make room.
  package let evictedKeys: UInt64

  private static let evictions = " evicted_keys:"

  package init(process: String, evictedKeys: UInt64) {
    self.process = process
    self.evictedKeys = evictedKeys
  }

  /// Reads what ``text`` made; any other text is a process that evicts nothing.
  package init(_ text: String) {
    guard let range = text.firstRange(of: Self.evictions), let count = UInt64(text[range.upperBound...]) else {
      self.init(process: text, evictedKeys: 0)
      return
    }
    self.init(process: String(text[..<range.lowerBound]), evictedKeys: count)
  }

  package var text: String { evictedKeys == 0 ? process : "\(process)\(Self.evictions)\(evictedKeys)" }

  /// Whether entries of any age may have been thrown away since `earlier`.
  package func hasEvicted(since earlier: StoreLife) -> Bool {
    process == earlier.process ? evictedKeys != earlier.evictedKeys : evictedKeys > 0
  }
}
