package import CairnModel

extension SQLiteCatalog: CatalogEpochs {
  /// Always the same. One process has the file, and nothing takes it back under that process's hands; what was lost
  /// between two of them stands behind the replay marks, and is replayed before the second one serves.
  package func epoch(of bucket: BucketName) async throws(CatalogError) -> CatalogEpoch {
    CatalogEpoch(id: 0, position: 0)
  }

  /// Always the same, for the same reason.
  package func storeProcess() async throws(CatalogError) -> String { "" }

  /// None, for the same reason.
  package var interruptions: Int { 0 }
}
