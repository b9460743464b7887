import CairnAPI
import CairnHTTP
import CairnModel
import CairnObjects
import CairnS3
import Foundation
import Glibc
import Logging
import NIOCore
import NIOHTTP1

/// What tells clients apart: the access keys, and those who verify that a request is by the holder of one.
struct AccessParts: Sendable {
  let keys: AccessKeyStore
  /// Of S3's port.
  let authenticator: SigV4Authenticator
  let native: NativeAccess
  let buckets: BucketDirectory
  /// For S3 clients; nil where each of them needs a key.
  let browserGuard: BrowserGuard?
  private let localKey: LocalKey?
  private let configuration: AccessConfiguration
  private let logger: Logger

  /// - Parameters:
  ///   - seal: encrypts the secrets of keys; nil where there is nothing to do it with.
  ///   - storagePath: of the storage node in this process; nil where there is none.
  init(
    _ configuration: AccessConfiguration, objects: ObjectService, seal: SecretSeal?, storagePath: String?,
    logger: Logger
  ) {
    self.configuration = configuration
    self.logger = logger
    let keys = AccessKeyStore(objects: objects, seal: seal, configured: configuration.firstKey)
    let nativeAuthenticator = SigV4Authenticator(
      keys: keys, service: .cairn, region: configuration.region, allowsAnonymous: configuration.allowsAnonymous)
    self.keys = keys
    authenticator = SigV4Authenticator(
      keys: keys, service: .s3, region: configuration.region, allowsAnonymous: configuration.allowsAnonymous)
    let buckets = BucketDirectory(objects: objects)
    self.buckets = buckets
    let browserGuard = BrowserGuard(
      hosts: configuration.ownNames, origins: configuration.allowedHosts, domain: configuration.domain)
    self.browserGuard = configuration.allowsAnonymous ? browserGuard : nil
    let localKey = storagePath.map(LocalKeyFile.make)
    self.localKey = localKey
    native = NativeAccess(
      keys: keys, owners: Owners(buckets: buckets), isRequired: configuration.isRequired, browserGuard: browserGuard,
      localKey: localKey,
      signed: { request throws(APIError) in
        do throws(S3Error) { return try await nativeAuthenticator.verified(request) } catch { throw APIError(error) }
      })
  }

  /// Lets `cairn key` on this machine administer keys, until ``hideLocalKey()``.
  ///
  /// - Parameter port: that the native API is served on.
  func showLocalKey(port: Int) throws(ConfigurationError) {
    if let localKey { try LocalKeyFile.write(localKey, port: port) }
  }

  func hideLocalKey() {
    if let localKey { LocalKeyFile.remove(localKey) }
  }

  /// Makes a key where there is none and shows it, unless anybody may do everything anyway: for `cairn server`, which
  /// shares its keys with nobody.
  func makeFirstKey() async throws {
    guard configuration.firstKey == nil, !configuration.allowsAnonymous, try await keys.all().isEmpty else { return }
    let key = AccessKey.random(grants: S3Grants(everywhere: .all))
    guard try await keys.add(key) else { return }
    let note = "This access key may do everything, and is shown only this once: `cairn key` makes others."
    var json = JSONText()
    json.object { json in
      json.member("time", HTTPDate.iso8601(nanosecondsSinceEpoch: key.createdAt.nanosecondsSinceEpoch))
      json.member("level", "notice")
      json.member("message", note)
      json.member("access_key", key.id.text)
      json.member("secret_key", key.secret)
    }
    // Whatever level is logged: nobody could find the secret out later.
    let text =
      isatty(STDOUT_FILENO) == 1
      ? "ACCESS_KEY=\(key.id)\nSECRET_KEY=\(key.secret)\n\(note)" : String(buffer: json.buffer)
    FileHandle.standardOutput.write(Data((text + "\n").utf8))
  }

  /// Keeps the key of the configuration in the catalog too, so that it is still good when it is no longer configured;
  /// without one, warns where nobody could get in. Returns when that is done.
  func keepConfiguredKey() async {
    guard configuration.firstKey != nil || configuration.isRequired else { return }
    while !Task.isCancelled {
      do throws(AccessKeyError) {
        if let key = configuration.firstKey { return try await keys.keep(key) }
        if try await keys.all().isEmpty {
          logger.warning("AUTH is required and there is no access key: set ACCESS_KEY and SECRET_KEY")
        }
        return
      } catch .noSealingSecret {
        return
      } catch {
        logger.debug("the access keys are not within reach yet", metadata: ["error": "\(error)"])
        try? await Task.sleep(for: .seconds(1))
      }
    }
  }
}

/// The buckets of the S3 API, as far as the native one asks for them.
private struct Owners: BucketOwners {
  let buckets: BucketDirectory

  func owned() async throws(APIError) -> [(bucket: BucketName, owner: AccessKeyID)] {
    do throws(S3Error) {
      return try await buckets.all().compactMap { bucket in bucket.owner.map { (bucket.name, $0) } }
    } catch {
      throw APIError(error.code.status, error.message)
    }
  }

  func owns(_ key: AccessKeyID, _ bucket: BucketName) async throws(APIError) -> Bool {
    do throws(S3Error) {
      return try await buckets.bucket(bucket, isFresh: true).owner == key
    } catch {
      // What is granted in a bucket may be taken away when the bucket is gone.
      if error.code == .noSuchBucket { return false }
      throw APIError(error.code.status, error.message)
    }
  }

  func disown(_ bucket: BucketName, by key: AccessKeyID) async throws(APIError) {
    do throws(S3Error) {
      try await buckets.disown(bucket, by: key)
    } catch {
      throw APIError(error.code.status, error.message)
    }
  }
}

extension APIError {
  /// What the native API answers where a signature is not taken.
  init(_ error: S3Error) {
    self =
      error.code.status == .forbidden
      ? .unauthorized(error.message) : APIError(error.code.status, error.message)
  }
}
