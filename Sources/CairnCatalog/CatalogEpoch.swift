package import CairnModel

/// Tells whether the catalog still knows all that it knew: a store that was emptied, restored from a backup or failed
/// over to a replica that lagged behind doesn't say so by itself.
///
/// For one bucket at a time, because in a Redis Cluster buckets are on several servers, each of which may go back alone.
/// What an epoch can't tell: a catalog that went back and has since had more changes than it lost looks as if it
/// had never been away. So look often, before changes can catch up.
package protocol CatalogEpochs: Sendable {
  /// Where `bucket` is now. Ask again, and see whether the answer ``CatalogEpoch/isBehind(_:)`` the one before.
  func epoch(of bucket: BucketName) async throws(CatalogError) -> CatalogEpoch

  /// Names the process that has the store now: another one may have come up without the last changes, and whether it
  /// did, no epoch tells that was seen before them. The text is that of a ``StoreLife``.
  func storeProcess() async throws(CatalogError) -> String

  /// Why the store may be throwing entries away now, as ``storeProcess()`` found it last; nil where it keeps them.
  var evictionRisk: String? { get }

  /// How often the store was found away so far: it may come back as another one than it was.
  var interruptions: Int { get }
}

extension CatalogEpochs {
  package var evictionRisk: String? { nil }

  /// As ``storeProcess()``, and always the same where an operator has forbidden the question: the epoch tells most.
  package func storeProcessIfAllowed() async throws(CatalogError) -> String {
    do throws(CatalogError) { return try await storeProcess() } catch .failed { return "unknown" }
  }
}

/// A moment in the life of a catalog's bucket.
package struct CatalogEpoch: Hashable, Sendable {
  /// Random, made when a bucket is first asked for that the catalog has none for.
  package let id: UInt64
  /// Grows with each object that is put or deleted.
  package let position: UInt64
  /// Whether the bucket's list of names and its other structures have as many entries as were put there. Where they
  /// don't, some were lost.
  package let isIntact: Bool

  package init(id: UInt64, position: UInt64, isIntact: Bool = true) {
    self.id = id
    self.position = position
    self.isIntact = isIntact
  }

  /// Whether a catalog that was seen at `earlier` and is here now has lost something.
  package func isBehind(_ earlier: CatalogEpoch) -> Bool {
    id != earlier.id || position < earlier.position
  }
}
