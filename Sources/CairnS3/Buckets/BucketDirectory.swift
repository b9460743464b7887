internal import CairnCatalog
package import CairnModel
package import CairnObjects
internal import Synchronization

/// The buckets that there are, remembered for a moment.
///
/// A bucket is only deleted when it is empty, and no write gets lost in one that goes. Who deletes marks the bucket,
/// waits for ``deletionGrace``, and looks again. Who writes begins within ``memory`` of having seen the bucket without a
/// mark, and when its commit comes later than the grace after that, it looks at the bucket again (``confirm(_:)``): so
/// either the one sees the object or the other sees the mark.
package final class BucketDirectory: Sendable {
  /// A bucket as somebody saw it who is about to write.
  struct Sight: Sendable {
    let bucket: Bucket
    /// Not later than the look at the catalog.
    let seenAt: ContinuousClock.Instant
  }

  /// A bucket's record as it is in the catalog.
  struct Record: Sendable {
    var bucket: Bucket
    /// nil for ``BucketName/default`` while nobody changed it.
    var version: BlobID?
    var isBeingDeleted: Bool
  }

  static let memory: Duration = .milliseconds(500)
  static let deletionGrace: Duration = .seconds(1)
  /// A mark that stays for longer is of somebody who died, and is taken away.
  private static let deletionTimeMax: Duration = .seconds(3)
  /// How often a change is tried anew when others change the same bucket.
  private static let attemptsMax = 16
  private static let countMax = 10_000

  private let objects: ObjectService
  private let records: SystemRecords
  private let seen = Mutex<[BucketName: Sight]>([:])

  package init(objects: ObjectService) {
    self.objects = objects
    records = SystemRecords(Bucket.recordKind, in: objects)
  }

  /// - Parameter isFresh: look at the catalog, whatever is remembered.
  /// - Throws: `NoSuchBucket`.
  package func bucket(_ name: BucketName, isFresh: Bool = false) async throws(S3Error) -> Bucket {
    if !isFresh, let sight = remembered(name) { return sight.bucket }
    guard let record = try await look(name) else { throw .noSuchBucket(name) }
    return record.bucket
  }

  /// The bucket for somebody who is about to write. Waits where it is being deleted, until that is decided.
  ///
  /// - Throws: `NoSuchBucket`.
  func bucketForWriting(_ name: BucketName) async throws(S3Error) -> Sight {
    if let sight = remembered(name) { return sight }
    let clock = ContinuousClock()
    let start = clock.now
    while true {
      let seenAt = clock.now
      guard let record = try await look(name) else { throw .noSuchBucket(name) }
      guard record.isBeingDeleted else { return Sight(bucket: record.bucket, seenAt: seenAt) }
      if clock.now - start > Self.deletionTimeMax {
        // Whoever began to delete it finds another version, and gives up.
        _ = try await replace(record, with: record.bucket)
      } else {
        do { try await Task.sleep(for: .milliseconds(50)) } catch {
          throw S3Error(.operationAborted, "The bucket is being deleted. Please try again.")
        }
      }
    }
  }

  /// Called after a write has been committed: whether the bucket that was seen before is still there, and not another
  /// one under its name.
  func confirm(_ sight: Sight) async throws(S3Error) -> Bool {
    guard ContinuousClock.now - sight.seenAt >= Self.deletionGrace else { return true }
    guard let record = try await look(sight.bucket.name) else { return false }
    guard record.isBeingDeleted else { return record.bucket.identity == sight.bucket.identity }
    do throws(S3Error) {
      return try await bucketForWriting(sight.bucket.name).bucket.identity == sight.bucket.identity
    } catch {
      if error.code == .noSuchBucket { return false }
      throw error
    }
  }

  /// Every bucket, in order of their names.
  package func all() async throws(S3Error) -> [Bucket] {
    var buckets: [Bucket]
    do throws(ObjectError) { buckets = try await records.all().compactMap { Bucket($0) } } catch {
      throw S3Error(error)
    }
    if !buckets.contains(where: { $0.name == .default }) { buckets.append(Self.builtIn) }
    return buckets.sorted { $0.name.text < $1.name.text }
  }

  /// Makes a bucket the administrators', if a key owns it.
  ///
  /// - Throws: `NoSuchBucket`.
  package func disown(_ name: BucketName, by key: AccessKeyID) async throws(S3Error) {
    try await update(name) { bucket in
      if bucket.owner == key { bucket.owner = nil }
    }
  }

  /// Creates a bucket.
  ///
  /// - Returns: the one that is there already; nil where there was none.
  func create(_ bucket: Bucket) async throws(S3Error) -> Bucket? {
    for _ in 0..<Self.attemptsMax {
      if bucket.name == .default { return try await self.bucket(.default) }
      if try await put(bucket, .reject) != nil { return nil }
      // One that is being deleted is waited for.
      do throws(S3Error) { return try await bucketForWriting(bucket.name).bucket } catch {
        guard error.code == .noSuchBucket else { throw error }
      }
    }
    throw .conflict
  }

  /// Changes what is known of a bucket.
  ///
  /// - Throws: `NoSuchBucket`.
  func update(_ name: BucketName, _ change: (inout Bucket) -> Void) async throws(S3Error) {
    for _ in 0..<Self.attemptsMax {
      _ = try await bucketForWriting(name)
      guard let record = try await look(name), !record.isBeingDeleted else { continue }
      var bucket = record.bucket
      change(&bucket)
      if try await replace(record, with: bucket) != nil { return }
    }
    throw .conflict
  }

  /// Deletes a bucket if it is empty, and ends the uploads to it.
  ///
  /// - Throws: `BucketNotEmpty`, `NoSuchBucket`.
  func delete(_ name: BucketName) async throws(S3Error) {
    _ = try await bucketForWriting(name)
    guard let record = try await look(name), !record.isBeingDeleted else { throw .noSuchBucket(name) }
    let notEmpty = S3Error(
      .bucketNotEmpty, "The bucket you tried to delete is not empty", details: [.init("BucketName", name.text)])
    guard try await isEmpty(name) else { throw notEmpty }
    guard let mark = try await replace(record, with: record.bucket, deletingSince: .now()) else { throw .conflict }
    var marked = record
    marked.version = mark
    // Also when the client went away: the mark must go.
    try? await Task.sleep(for: Self.deletionGrace)
    guard !Task.isCancelled, try await isEmpty(name) else {
      _ = try await replace(marked, with: record.bucket)
      throw notEmpty
    }
    forget(name)
    do throws(ObjectError) {
      _ = try await records.delete(name.text, expecting: mark)
    } catch {
      if case .conditionFailed = error { throw .conflict }
      throw S3Error(error)
    }
    forget(name)
    // In a task of its own, which goes on when the client leaves.
    await Task { await objects.endUploads(in: record.bucket.identity) }.value
  }

  // MARK: Records

  private static let builtIn = Bucket(name: .default, createdAt: Timestamp(nanosecondsSinceEpoch: 0))

  private func remembered(_ name: BucketName) -> Sight? {
    guard let sight = seen.withLock({ $0[name] }), ContinuousClock.now - sight.seenAt < Self.memory else { return nil }
    return sight
  }

  private func forget(_ name: BucketName) {
    seen.withLock { _ = $0.removeValue(forKey: name) }
  }

  /// Looks at the catalog, and remembers a bucket that may be written to.
  private func look(_ name: BucketName) async throws(S3Error) -> Record? {
    let seenAt = ContinuousClock.now
    let found: SystemRecords.Record?
    do throws(ObjectError) { found = try await records.find(name.text) } catch { throw S3Error(error) }
    guard let found, let bucket = Bucket(found) else {
      guard name == .default else {
        forget(name)
        return nil
      }
      remember(Sight(bucket: Self.builtIn, seenAt: seenAt))
      return Record(bucket: Self.builtIn, version: nil, isBeingDeleted: false)
    }
    let record = Record(bucket: bucket, version: found.version, isBeingDeleted: Bucket.isBeingDeleted(found))
    if record.isBeingDeleted { forget(name) } else { remember(Sight(bucket: record.bucket, seenAt: seenAt)) }
    return record
  }

  private func remember(_ sight: Sight) {
    seen.withLock { seen in
      if seen.count >= Self.countMax { seen.removeAll() }
      seen[sight.bucket.name] = sight
    }
  }

  private func isEmpty(_ name: BucketName) async throws(S3Error) -> Bool {
    do throws(ObjectError) { return try await objects.list(name, ListQuery(limit: 1)).entries.isEmpty } catch {
      throw S3Error(error)
    }
  }

  /// - Returns: the version of the new record; nil where somebody else has changed it.
  private func replace(
    _ record: Record, with bucket: Bucket, deletingSince: Timestamp? = nil
  ) async throws(S3Error) -> BlobID? {
    try await put(bucket, deletingSince: deletingSince, record.version.map { .replace($0) } ?? .reject)
  }

  private func put(
    _ bucket: Bucket, deletingSince: Timestamp? = nil, _ rule: ConflictRule
  ) async throws(S3Error) -> BlobID? {
    defer { forget(bucket.name) }
    do throws(ObjectError) {
      return try await records.put(
        bucket.name.text, bucket.metadata(deletingSince: deletingSince), createdAt: bucket.createdAt, rule)
    } catch {
      throw S3Error(error)
    }
  }
}
