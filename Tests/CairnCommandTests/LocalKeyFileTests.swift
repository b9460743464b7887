import CairnAPI
import CairnClient
import CairnHTTP
import CairnTestSupport
import Foundation
import Testing

@testable import cairn

/// The file that lets `cairn key` on the server's machine administer keys.
@Suite struct LocalKeyFileTests {
  private let folder: TemporaryFolder
  private let server = ListenAddress(host: "127.0.0.1", port: 8000)
  private let key: LocalKey

  init() throws {
    folder = try TemporaryFolder("local-key")
    key = LocalKeyFile.make(in: folder.path)
    try LocalKeyFile.write(key, port: 8000)
  }

  @Test func whatTheServerWritesTheCommandReads() throws {
    #expect(try LocalKeyFile.token(in: key.file, for: server) == key.token)
    let mode = try FileManager.default.attributesOfItem(atPath: key.file)[.posixPermissions] as? Int
    #expect(mode == 0o600)
    LocalKeyFile.remove(key)
    #expect(!FileManager.default.fileExists(atPath: key.file))
  }

  @Test func eachStartMakesAnotherSecret() {
    #expect(LocalKeyFile.make(in: folder.path).token != key.token)
  }

  @Test(arguments: [
    ListenAddress(host: "192.0.2.1", port: 8000), ListenAddress(host: "example.org", port: 8000),
    ListenAddress(host: "127.0.0.1", port: 8001),
  ]) func theSecretIsSentToNoOtherServer(server: ListenAddress) {
    #expect(throws: ClientError.self) { try LocalKeyFile.token(in: key.file, for: server) }
  }

  /// A server that lies about where its file is must not be sent another one.
  @Test func onlyAPrivateKeyFileIsRead() throws {
    let other = folder.path + "/id_rsa"
    try FileManager.default.copyItem(atPath: key.file, toPath: other)
    #expect(throws: ClientError.self) { try LocalKeyFile.token(in: other, for: server) }
    let inside = folder.path + "/inside"
    try FileManager.default.createDirectory(atPath: inside, withIntermediateDirectories: false)
    let path = inside + "/" + LocalKeyFile.name
    try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: key.file)
    #expect(throws: ClientError.self) { try LocalKeyFile.token(in: path, for: server) }
    try FileManager.default.removeItem(atPath: path)
    #expect(mkfifo(path, 0o600) == 0)
    #expect(throws: ClientError.self) { try LocalKeyFile.token(in: path, for: server) }
    try FileManager.default.removeItem(atPath: path)
    for text in ["8000 secret:text", "8000", "", "8000 @local:a b", String(repeating: "x", count: 10_000)] {
      try Data(text.utf8).write(to: URL(filePath: path))
      chmod(path, 0o600)
      #expect(throws: ClientError.self, "\(text.prefix(20))") { try LocalKeyFile.token(in: path, for: server) }
    }
    chmod(key.file, 0o644)
    #expect(throws: ClientError.self) { try LocalKeyFile.token(in: key.file, for: server) }
  }
}
