internal import CairnCatalog
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

  private let objects: ObjectService
  private let seal: SecretSeal?
  private let configured: AccessKey?
  private let seen = Mutex<[AccessKeyID: Sight]>([:])

  /// - Parameters:
  ///   - seal: encrypts secrets; nil where keys can't be made here.
  ///   - configured: a key that is good whatever the catalog says (`ACCESS_KEY`).
  package init(objects: ObjectService, seal: SecretSeal?, configured: AccessKey? = nil) {
    self.objects = objects
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
    var keys: [Listed] = []
    var query = ListQuery(prefix: AccessKey.keyPrefix, limit: CatalogLimits.pageLengthMax)
    while true {
      let page: ListPage
      do throws(ObjectError) { page = try await objects.list(.system, query) } catch { throw .store(error) }
      for entry in page.entries {
        let id = AccessKeyID(String(entry.key.text.dropFirst(AccessKey.keyPrefix.count)))
        let attributes = entry.object.attributes
        let configuredGrants = id == configured?.id ? configured?.grants : nil
        keys.append(
          Listed(
            id: id, createdAt: AccessKey.createdAt(attributes),
            grants: configuredGrants ?? AccessKey.grants(attributes.metadata)))
      }
      guard let next = page.nextStartAfter else { break }
      query.startAfter = next
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
    let record = try AccessKey.record(of: id)
    let existed: Bool
    do throws(ObjectError) { existed = try await objects.delete(record) } catch { throw .store(error) }
    guard existed else { throw .noSuchKey(id) }
  }

  private func forget(_ id: AccessKeyID) {
    seen.withLock { _ = $0.removeValue(forKey: id) }
  }

  private func look(_ id: AccessKeyID) async throws(AccessKeyError) -> (key: AccessKey, version: BlobID)? {
    let record = try AccessKey.record(of: id)
    let object: StoredObject?
    do throws(ObjectError) { object = try await objects.object(record) } catch { throw .store(error) }
    guard let object else { return nil }
    guard let key = AccessKey(id, object.attributes, open: { seal?.open($0, of: id) }) else { throw .unreadable(id) }
    return (key, object.head.blob)
  }

  /// - Returns: false where the rule forbids it.
  private func put(_ key: AccessKey, _ rule: ConflictRule) async throws(AccessKeyError) -> Bool {
    let record = try AccessKey.record(of: key.id)
    guard let seal else { throw .noSealingSecret }
    let sealed: String
    do { sealed = try seal.seal(key.secret, of: key.id) } catch { throw .store(.failed("\(error)")) }
    defer { forget(key.id) }
    do throws(ObjectError) {
      _ = try await objects.put(
        record, BodySource(length: 0, next: { nil }),
        UploadDescription(contentType: "application/octet-stream", metadata: key.metadata(sealed: sealed)),
        onConflict: rule)
      return true
    } catch {
      if case .conditionFailed = error { return false }
      throw .store(error)
    }
  }
}
