package import CairnCatalog
package import CairnModel

/// Decides whether a head record that one replica of a volume has and another one lacks may be copied.
///
/// A power cut can stop a head record on its way to the replicas. Once it is on all of them, nobody can tell any more
/// that it was never acknowledged, and a catalog that is rebuilt from the disks would take it. So it is copied only if
/// the catalog has it, or something newer; else it is refused for good.
package struct HeadJudge: Sendable {
  /// What is younger may have a writer that is about to commit it, or a catalog that is still being recovered.
  private static let ageMin: Duration = .seconds(600)

  enum Verdict {
    case copy
    /// It was never committed.
    case refuse
    /// It is left where it is until more is known.
    case wait
  }

  private let catalog: any ObjectCatalog
  /// For the tombstones of what is refused.
  private let ids: BlobIDGenerator
  private let now: @Sendable () -> Timestamp

  /// - Parameter catalog: throws while it is not known to be whole.
  package init(
    catalog: any ObjectCatalog, ids: BlobIDGenerator, now: @escaping @Sendable () -> Timestamp = { .now() }
  ) {
    self.catalog = catalog
    self.ids = ids
    self.now = now
  }

  /// - Throws: ``CatalogError``.
  func verdict(on record: EncodedRecord) async throws -> Verdict {
    // What is not understood is of a newer version.
    guard record.header.kind == .head, let head = try? HeadRecord(metadata: record.record.metadata) else {
      return .copy
    }
    let version = record.header.blob
    if let current = try await catalog.object(head.name), current.head.blob >= version { return .copy }
    let age = now().millisecondsSinceEpoch.subtractingReportingOverflow(version.millisecondsSinceEpoch)
    guard !age.overflow, Duration.milliseconds(Int64(clamping: age.partialValue)) >= Self.ageMin else { return .wait }
    return .refuse
  }

  /// A tombstone that says that nothing refers to a blob.
  func refusal(of location: BlobLocation) throws(FormatError) -> EncodedRecord {
    try EncodedRecord(Tombstone(garbage: [location]), id: ids.next(), at: now())
  }
}
