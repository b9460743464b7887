import CairnAPI
import CairnClient
import CairnHTTP
import CairnModel
import Foundation
import Glibc

/// `local.key` in a storage path: a secret of the server that uses it. Whoever can read it may administer access keys.
///
/// It holds the server's port and the secret. The secret is a new one at each start, and `cairn key` sends it to that
/// port only: another user's program that listens elsewhere can't ask for it.
enum LocalKeyFile {
  static let name = "local.key"
  private static let secretBytes = 32
  /// Bytes of the file at most: a port, a secret of hexadecimal digits, and what separates them.
  private static let lengthMax = 256

  // MARK: The server

  /// - Parameter storagePath: must exist.
  static func make(in storagePath: String) -> LocalKey {
    var random = SystemRandomNumberGenerator()
    let secret = hexadecimalString((0..<secretBytes).map { _ in UInt8.random(in: .min ... .max, using: &random) })
    let folder = realpath(storagePath, nil)
    defer { free(folder) }
    return LocalKey(file: (folder.map { String(cString: $0) } ?? storagePath) + "/" + name, secret: secret)
  }

  /// - Parameter port: that the server listens on.
  static func write(_ key: LocalKey, port: Int) throws(ConfigurationError) {
    do { try PrivateFile.write(Array("\(port) \(key.token)\n".utf8), to: key.file) } catch {
      throw .refused("\(key.file) can't be written: \(error)")
    }
  }

  static func remove(_ key: LocalKey) { unlink(key.file) }

  // MARK: `cairn key`

  /// What proves to a server that this process may read its storage path.
  ///
  /// - Parameter path: may come from the server, and so is opened only where it is such a file.
  static func token(in path: String, for server: ListenAddress) throws(ClientError) -> String {
    guard ByteText(path).lastComponent == ByteText(name), ListenAddress.isLoopback(server.host) else {
      throw .local("\(path) proves nothing to \(server): set CAIRN_TOKEN to the ID:SECRET of an access key")
    }
    guard let text = try contents(path) else {
      throw .local("\(path) is no key file: it must be a file of this user with mode 0600, which a server has written")
    }
    let words = text.split(whereSeparator: \.isWhitespace)
    guard words.count == 2, let port = Int(words[0]), words[1].utf8.starts(with: "\(LocalKey.id):".utf8) else {
      throw .local("\(path) is damaged: restart the server, which writes a new one")
    }
    guard port == server.port else {
      throw .local("\(path) is of a server on port \(port), not of \(server): name it with --server")
    }
    return String(words[1])
  }

  /// - Returns: nil for what is no private file of this user; root reads those of others.
  private static func contents(_ path: String) throws(ClientError) -> String? {
    // What is no regular file must not keep this process waiting.
    let descriptor = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
    guard descriptor >= 0 else {
      throw .local(
        "\(path) can't be read: \(String(cString: strerror(errno))). Run this as the user that runs the server, or set "
          + "CAIRN_TOKEN to the ID:SECRET of an access key")
    }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG, status.st_mode & 0o077 == 0,
      status.st_uid == geteuid() || geteuid() == 0
    else { return nil }
    var bytes = [UInt8](repeating: 0, count: lengthMax)
    let count = read(descriptor, &bytes, bytes.count)
    guard count > 0 else { return nil }
    return String(validating: bytes[..<count], as: UTF8.self)
  }
}
