package import CairnModel
internal import Synchronization

/// The access keys: in the catalog and on the disks, as objects are; here remembered for a moment.
package final class AccessKeyStore: Sendable {
  /// A change that was made through another process counts here after so long.
  package static let memory: Duration = .seconds(1)
  /// Ids that are remembered, also of keys that there are not.
  private static let countMax = 10_000
  /// How often a change is tried anew when others change the same key.
  private static let attemptsMax = 16

  private struct Sight {
    var key: AccessKey?
    var until: ContinuousClock.Instant
  }

  /// What a list tells of a key: its secret is told once, when it is made.
  package struct Listed: Hashable, Sendable {
    package var id: AccessKeyID
    package var createdAt: Timestamp
    package var grants: S3Grants
  }

  private let records: SystemRecords
  private let seal: SecretSeal?
  private let configured: AccessKey?
  private let seen = Mutex<[AccessKeyID: Sight]>([:])

  /// - Parameters:
  ///   - seal: encrypts secrets; nil where keys can't be made here.
  ///   - configured: a key that is good whatever the catalog says (`ACCESS_KEY`).
  package init(objects: ObjectService, seal: SecretSeal?, configured: AccessKey? = nil) {
    records = SystemRecords(AccessKey.recordKind, in: objects)
    self.seal = seal
    self.configured = configured
  }

  /// The key with an id; nil where there is none.
  ///
  /// - Throws: ``AccessKeyError/unreadable(_:)`` too.
  package func find(_ id: AccessKeyID) async throws(AccessKeyError) -> AccessKey? {
    if let configured, configured.id == id { return configured }
    guard AccessKey.isAllowed(id: id.text) else { return nil }
    let now = ContinuousClock.now
    if let sight = seen.withLock({ $0[id] }), sight.until > now { return sight.key }
    let key = try await look(id)?.key
    seen.withLock { seen in
      if seen.count >= Self.countMax { seen.removeAll() }
      seen[id] = Sight(key: key, until: now + Self.memory)
    }
    return key
  }

  /// Every key, in order of their ids.
  package func all() async throws(AccessKeyError) -> [Listed] {
    let found: [SystemRecords.Record]
    do throws(ObjectError) { found = try await records.all() } catch { throw .store(error) }
    var keys = found.map { record in
      let id = AccessKeyID(record.name)
      let configuredGrants = id == configured?.id ? configured?.grants : nil
      return Listed(
        id: id, createdAt: record.createdAt, grants: configuredGrants ?? AccessKey.grants(record.metadata))
    }
    if let configured, !keys.contains(where: { $0.id == configured.id }) {
      keys.append(Listed(id: configured.id, createdAt: configured.createdAt, grants: configured.grants))
    }
    return keys.sorted { $0.id.text < $1.id.text }
  }

  /// Keeps a key.
  ///
  /// - Returns: false where there is one with the same id already.
  package func add(_ key: AccessKey) async throws(AccessKeyError) -> Bool { try await put(key, .reject) }

  /// Keeps the configured key, unless it is kept as it is.
  package func keep(_ key: AccessKey) async throws(AccessKeyError) {
    if let found = try? await look(key.id), found.key.secret == key.secret, found.key.grants == key.grants { return }
    _ = try await put(key, .overwrite)
  }

  /// Changes what a key may do.
  ///
  /// - Returns: the key as it is now.
  package func update(
    _ id: AccessKeyID, _ change: @Sendable (inout S3Grants) -> Void
  ) async throws(AccessKeyError) -> AccessKey {
    guard id != configured?.id else { throw .configured(id) }
    for _ in 0..<Self.attemptsMax {
      guard var found = try await look(id) else { throw .noSuchKey(id) }
      change(&found.key.grants)
      if try await put(found.key, .replace(found.version)) { return found.key }
    }
    throw .store(.unavailable("too many clients change the access key at once"))
  }

  /// - Throws: ``AccessKeyError/noSuchKey(_:)`` too.
  package func remove(_ id: AccessKeyID) async throws(AccessKeyError) {
    guard id != configured?.id else { throw .configured(id) }
    defer { forget(id) }
    let existed: Bool
    do throws(ObjectError) { existed = try await records.delete(id.text) } catch { throw .store(error) }
    guard existed else { throw .noSuchKey(id) }
  }

  private func forget(_ id: AccessKeyID) {
    seen.withLock { _ = $0.removeValue(forKey: id) }
  }

  private func look(_ id: AccessKeyID) async throws(AccessKeyError) -> (key: AccessKey, version: BlobID)? {
    let record: SystemRecords.Record?
    do throws(ObjectError) { record = try await records.find(id.text) } catch { throw .store(error) }
    guard let record else { return nil }
    guard let key = AccessKey(record, open: { seal?.open($0, of: id) }) else { throw .unreadable(id) }
    return (key, record.version)
  }

  /// - Returns: false where the rule forbids it.
  private func put(_ key: AccessKey, _ rule: ConflictRule) async throws(AccessKeyError) -> Bool {
    guard let seal else { throw .noSealingSecret }
    let sealed: String
    do { sealed = try seal.seal(key.secret, of: key.id) } catch { throw .store(.failed("\(error)")) }
    defer { forget(key.id) }
    do throws(ObjectError) {
      return try await records.put(key.id.text, key.metadata(sealed: sealed), createdAt: key.createdAt, rule) != nil
    } catch {
      throw .store(error)
    }
  }
}
