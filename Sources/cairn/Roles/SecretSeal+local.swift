import CairnModel
import CairnObjects
import Foundation

extension SecretSeal {
  /// Bytes of a key file.
  private static let secretBytes = 32

  /// For a machine of its own: with the cluster's secret where there is one, else with a random one that is kept in the
  /// storage path.
  ///
  /// - Throws: ``ConfigurationError`` where the file can't be read or made.
  static func local(_ keys: ClusterKeys?, storagePath: String) throws(ConfigurationError) -> SecretSeal {
    let path = storagePath + "/access.key"
    let found = try readIfPresent(path)
    if let keys {
      // Keys from the time before the secret was set stay good.
      return SecretSeal(keys.key(for: .accessKeySecrets), older: found.map { [$0] } ?? [])
    }
    if let found {
      guard found.count == secretBytes else {
        throw .refused("\(path) has \(found.count) bytes instead of \(secretBytes): restore it from a backup")
      }
      return SecretSeal(found)
    }
    let bytes = (0..<secretBytes).map { _ in UInt8.random(in: .min ... .max) }
    do { try PrivateFile.write(bytes, to: path) } catch { throw .refused("\(path) can't be written: \(error)") }
    return SecretSeal(bytes)
  }

  /// nil only where there is no such file: what can't be read must not be taken for one that is yet to be made.
  private static func readIfPresent(_ path: String) throws(ConfigurationError) -> [UInt8]? {
    do {
      return Array(try Data(contentsOf: URL(fileURLWithPath: path)))
    } catch CocoaError.fileReadNoSuchFile {
      return nil
    } catch {
      throw .refused("\(path) can't be read: \(error)")
    }
  }
}
