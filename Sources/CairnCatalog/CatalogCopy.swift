package import CairnModel

/// Copies a whole catalog into another store, while nobody writes to either.
///
/// Page by page, in O(page) memory. Each step may be done again, so a copy that was cut off is finished by another one.
/// What is found again by those who need it is left behind: repair work, and who is alive just now.
package struct CatalogCopy: Sendable {
  package typealias Store = Catalog & CatalogContents

  package struct Counts: Hashable, Sendable {
    package var objects = 0
    package var volumes = 0
    package var nodes = 0
    package var deletions = 0

    package init() {}
  }

  package enum Phase: String, Sendable {
    case volumes, nodes, deletions, objects
    case comparison = "compared"
  }

  /// Why there is no copy that can be relied on.
  package enum Failure: Error, Hashable, CustomStringConvertible {
    /// It holds something, and may not.
    case targetNotEmpty(String)
    case sourceChanged(BucketName)
    /// How many of something there are on either side.
    case counts(String, source: Int, target: Int)
    /// As many, but not the same.
    case contents(String)

    package var description: String {
      switch self {
      case .targetNotEmpty(let what): "the target is not empty: it has \(what)"
      case .sourceChanged(let bucket): "bucket \(bucket.text) was written to while it was copied"
      case .counts(let what, let source, let target): "the source has \(source) \(what), the target \(target)"
      case .contents(let what): "\(what) is not the same in source and target"
      }
    }
  }

  private let source: any Store
  private let target: any Store
  private let pageLength: Int

  package init(
    from source: any Store, to target: any Store, pageLength: Int = CatalogLimits.pageLengthMax
  ) {
    self.source = source
    self.target = target
    self.pageLength = pageLength
  }

  /// Copies, and then compares both.
  ///
  /// - Parameters:
  ///   - isForced: also into a store that is not empty. What it has besides makes the comparison fail.
  ///   - copiesMarks: the target is replayed from the volumes at start, so it must know how far it is.
  ///   - progress: how many of a kind are done so far.
  /// - Throws: ``Failure``, ``CatalogError``.
  package func run(
    isForced: Bool = false, copiesMarks: Bool, progress: (Phase, Int) -> Void = { _, _ in }
  ) async throws -> Counts {
    if !isForced { try await expectEmptyTarget() }
    let before = try await epochs()
    var counts = Counts()
    counts.volumes = try await copyVolumes(progress)
    counts.nodes = try await copyNodes(progress)
    counts.deletions = try await copyDeletions(progress)
    for bucket in before.keys.sorted(by: { $0.text < $1.text }) {
      counts.objects += try await copyObjects(of: bucket, after: counts.objects, progress)
    }
    // Also makes durable what a catalog doesn't sync each time.
    try await target.setReplayMarks(copiesMarks ? try await source.replayMarks() : [:])
    let after = try await epochs()
    for bucket in Set(before.keys).union(after.keys) where before[bucket] != after[bucket] {
      throw Failure.sourceChanged(bucket)
    }
    try await compare(counts, progress)
    return counts
  }

  private func expectEmptyTarget() async throws {
    if let bucket = try await target.buckets().first {
      throw Failure.targetNotEmpty("objects in bucket \(bucket.text)")
    }
    if let volume = try await target.volumes(after: nil, limit: 1).first {
      throw Failure.targetNotEmpty("volume \(volume.id)")
    }
    if let node = try await target.nodes().first { throw Failure.targetNotEmpty("node \(node.report.node)") }
  }

  /// Where each bucket of the source is: tells whether somebody writes.
  private func epochs() async throws -> [BucketName: CatalogEpoch] {
    var epochs: [BucketName: CatalogEpoch] = [:]
    for bucket in try await source.buckets() { epochs[bucket] = try await source.epoch(of: bucket) }
    return epochs
  }

  // MARK: Copying

  private func copyVolumes(_ progress: (Phase, Int) -> Void) async throws -> Int {
    var count = 0
    try await forEachPage(of: source) { page in
      try await inParallel(page) { try await target.add($0) }
      count += page.count
      progress(.volumes, count)
    }
    return count
  }

  /// Nodes are known to the target as ones that left: the next heartbeat of each says where it is.
  private func copyNodes(_ progress: (Phase, Int) -> Void) async throws -> Int {
    let known = Set(try await target.nodes().map(\.report.node))
    let nodes = try await source.nodes()
    for node in nodes {
      let report = node.report
      if !known.contains(report.node) {
        _ = try await target.heartbeat(report, timeout: .zero, takeOver: true)
        try await target.leave(report.node, incarnation: report.incarnation)
      }
      try await target.setDraining(report.node, node.isDraining)
    }
    progress(.nodes, nodes.count)
    return nodes.count
  }

  /// Before the objects, since a name may have been put anew. Each is remembered for its whole time again.
  private func copyDeletions(_ progress: (Phase, Int) -> Void) async throws -> Int {
    var count = 0
    var cursor: DeletionPage.Cursor?
    repeat {
      let page = try await source.deletions(after: cursor, limit: pageLength)
      try await inParallel(page.entries) { deletion in
        let version = deletion.object.head.blob
        _ = try await target.put(deletion.object, as: deletion.name, if: .always)
        _ = try await target.delete(deletion.name, version: version, tombstone: deletion.tombstone)
      }
      count += page.entries.count
      progress(.deletions, count)
      cursor = page.next
    } while cursor != nil
    return count
  }

  private func copyObjects(
    of bucket: BucketName, after done: Int, _ progress: (Phase, Int) -> Void
  ) async throws -> Int {
    var count = 0
    var query = ListQuery(limit: pageLength)
    repeat {
      let page = try await source.list(bucket, query)
      // Where the target has a newer version it keeps it, and the comparison says so.
      try await inParallel(page.entries) { entry in
        _ = try await target.put(entry.object, as: ObjectName(bucket: bucket, key: entry.key), if: .always)
      }
      count += page.entries.count
      progress(.objects, done + count)
      query.startAfter = page.nextStartAfter
    } while query.startAfter != nil
    return count
  }

  // MARK: Comparing

  private func compare(_ counts: Counts, _ progress: (Phase, Int) -> Void) async throws {
    let nodes = Set(try await target.nodes().map(\.report.node))
    for node in try await source.nodes() where !nodes.contains(node.report.node) {
      throw Failure.contents("node \(node.report.node)")
    }
    var volumes = 0
    try await forEachPage(of: target) { volumes += $0.count }
    guard volumes == counts.volumes else {
      throw Failure.counts("volumes", source: counts.volumes, target: volumes)
    }
    try await forEachPage(of: source) { page in
      for volume in page where try await target.volume(volume.id) != volume {
        throw Failure.contents("volume \(volume.id)")
      }
    }
    var objects = 0
    var different: String?
    for bucket in try await target.buckets() {
      let found = try await compareObjects(of: bucket, after: objects, progress)
      objects += found.count
      if different == nil { different = found.different.map { "'\($0.text)' in bucket \(bucket.text)" } }
    }
    // How many there are says more, where that differs.
    guard objects == counts.objects else {
      throw Failure.counts("objects", source: counts.objects, target: objects)
    }
    if let different { throw Failure.contents(different) }
  }

  /// - Returns: how many objects the target has in `bucket`, and the first that the source has not, or not so.
  private func compareObjects(
    of bucket: BucketName, after done: Int, _ progress: (Phase, Int) -> Void
  ) async throws -> (count: Int, different: ObjectKey?) {
    var count = 0
    var different: ObjectKey?
    var query = ListQuery(limit: pageLength)
    repeat {
      let found = try await target.list(bucket, query)
      let expected = try await source.list(bucket, query)
      if different == nil, found != expected {
        different = found.entries.first { !expected.entries.contains($0) }?.key
      }
      count += found.entries.count
      progress(.comparison, done + count)
      query.startAfter = found.nextStartAfter
    } while query.startAfter != nil
    return (count, different)
  }

  // MARK: Pages

  private func forEachPage(of store: any Store, _ body: ([Volume]) async throws -> Void) async throws {
    var last: VolumeID?
    while true {
      let page = try await store.volumes(after: last, limit: pageLength)
      guard let end = page.last else { return }
      try await body(page)
      last = end.id
    }
  }

  /// Both stores do many requests at once as fast as a few one after the other.
  private func inParallel<Item: Sendable>(
    _ items: [Item], _ body: @escaping @Sendable (Item) async throws -> Void
  ) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      for item in items { group.addTask { try await body(item) } }
      try await group.waitForAll()
    }
  }
}
