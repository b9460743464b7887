import Foundation

extension SettingReader {
  /// The bytes of a component file.
  ///
  /// - Throws: ``ConfigurationError/refused(_:)`` where it can't be read or is too large to be one.
  static func contents(_ path: String) throws(ConfigurationError) -> [UInt8] {
    let limit = StateStoreComponent.fileSizeMax
    let data: Data?
    do {
      let file = try FileHandle(forReadingFrom: URL(filePath: path))
      defer { try? file.close() }
      data = try file.read(upToCount: limit + 1)
    } catch {
      throw .refused("STATE_STORE_COMPONENT: \(path) can't be read: \(error.localizedDescription)")
    }
    guard let data, data.count <= limit else {
      throw .refused("STATE_STORE_COMPONENT: \(path) is empty or larger than \(limit) bytes: it is no component file")
    }
    return Array(data)
  }
}
