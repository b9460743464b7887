/// A catalog whose answers are made from several structures, which have to agree.
package protocol CatalogIndices: Sendable {
  /// Compares every list and every index with what it is made from, both ways. O(entries). Others may use the catalog
  /// meanwhile.
  ///
  /// - Returns: what did not agree, one for each index.
  func compareIndices(_ repair: IndexRepair) async throws(CatalogError) -> [IndexDifference]
}

/// What is done about structures that don't agree.
package enum IndexRepair: Sendable {
  case none
  /// What can be made from other entries is; what belongs to nothing, or is damaged, goes. The numbers of entries stay as
  /// they were counted, so everybody sees that some are missing (``CatalogEpoch/isIntact``) until they were put again.
  case entries
  /// The same, and what is there is all.
  case all
}

/// An index of a catalog, or a list, that does not agree with what it is made from.
package struct IndexDifference: Hashable, Sendable, CustomStringConvertible {
  /// One line.
  package let description: String

  package init(description: String) {
    self.description = description
  }
}
