import CairnTestSupport
import Foundation
import Testing

/// A server, and a folder in which `cairn` is run against it.
struct ClientFixture {
  let server: CairnProcess
  let folder: TemporaryFolder
  /// Where the client finds the server.
  var port: Int

  init(_ environment: [String: String] = [:]) async throws {
    server = try await CairnProcess.server(environment)
    folder = try TemporaryFolder("client")
    port = server.port
  }

  var environment: [String: String] {
    ["CAIRN_SERVER": "http://127.0.0.1:\(port)", "XDG_STATE_HOME": path("state")]
  }

  func path(_ name: String) -> String { "\(folder.path)/\(name)" }

  /// Runs `cairn` to its end.
  func cairn(_ arguments: String...) async throws -> ShortProcess.Result {
    try await CairnProcess.run(arguments, environment)
  }

  /// Runs `cairn` with a file on its standard input.
  func cairn(input: String, _ arguments: String...) async throws -> ShortProcess.Result {
    try await ShortProcess.run(
      CairnProcess.program, arguments, environment: environment.map { "\($0.key)=\($0.value)" }, input: input)
  }

  /// Starts `cairn`, which prints into `log`.
  func start(_ arguments: String...) throws -> GuardedProcess {
    try GuardedProcess(
      CairnProcess.program, arguments, environment: environment.map { "\($0.key)=\($0.value)" }, output: path("log"),
      directory: path("none"))
  }

  /// - Returns: the bytes that were written.
  @discardableResult
  func write(_ name: String, _ bytes: Data) throws -> Data {
    let url = URL(fileURLWithPath: path(name))
    try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
    try bytes.write(to: url)
    return bytes
  }

  func read(_ name: String) -> Data? { FileManager.default.contents(atPath: path(name)) }

  /// Regular files below a folder by relative path.
  func files(_ name: String) throws -> [String: Data] {
    let root = path(name)
    var files: [String: Data] = [:]
    for relative in try FileManager.default.subpathsOfDirectory(atPath: root) {
      var isFolder: ObjCBool = false
      guard FileManager.default.fileExists(atPath: "\(root)/\(relative)", isDirectory: &isFolder), !isFolder.boolValue
      else { continue }
      files[relative] = FileManager.default.contents(atPath: "\(root)/\(relative)")
    }
    return files
  }

  func json(_ result: ShortProcess.Result) throws -> [String: Any] {
    try #require(try JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [String: Any], "\(result.output)")
  }
}
