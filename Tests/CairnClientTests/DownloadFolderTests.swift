import CairnClient
import CairnModel
import CairnTestSupport
import Foundation
import Testing

/// Each case runs with `openat2`, and folder by folder as on kernels without it.
@Suite struct DownloadFolderTests {
  private let folder: TemporaryFolder
  private let files: ByteFiles

  init() throws {
    folder = try TemporaryFolder("download")
    files = ByteFiles(folder.path + "/in")
    try files.write("inside/x", Data("x".utf8))
    try ByteFiles(folder.path).write("outside/kept", Data())
  }

  private func target(_ opensAtOnce: Bool, _ root: String = "/in") -> DownloadFolder {
    DownloadFolder(folder.path + root, opensAtOnce: opensAtOnce)
  }

  @Test(arguments: [true, false]) func missingFoldersAreMade(opensAtOnce: Bool) throws {
    let target = target(opensAtOnce)
    #expect(try target.place(RelativePath("inside/new/file")).path == folder.path + "/in/inside/new/file")
    #expect(try target.place(RelativePath("inside/new/file")).path == folder.path + "/in/inside/new/file")
    #expect(FileManager.default.fileExists(atPath: folder.path + "/in/inside/new"))
    _ = try self.target(opensAtOnce, "/p/q").place(RelativePath("r/s"))
    #expect(FileManager.default.fileExists(atPath: folder.path + "/p/q/r"))
  }

  @Test(arguments: [true, false], ["link/file", "link/deeper/file", "inside/link/file", "inside/x/file"])
  func nothingIsWrittenBelowWhatIsNoFolder(opensAtOnce: Bool, name: String) throws {
    try files.link(Array("link".utf8), to: "../outside")
    try files.link(Array("inside/link".utf8), to: folder.path + "/outside")
    let target = target(opensAtOnce)
    #expect(throws: ClientError.self) { try target.place(RelativePath(ByteText(name))) }
    #expect(try ByteFiles(folder.path + "/outside").all().count == 1)
  }

  @Test(arguments: [true, false]) func aLinkThatTheUserNamedIsFollowed(opensAtOnce: Bool) throws {
    try files.link(Array("link".utf8), to: "../outside")
    _ = try target(opensAtOnce, "/in/link").place(RelativePath("made/file"))
    #expect(FileManager.default.fileExists(atPath: folder.path + "/outside/made"))
  }

  @Test(arguments: [true, false]) func nothingIsDeletedThroughALink(opensAtOnce: Bool) throws {
    try files.link(Array("link".utf8), to: "../outside")
    let target = target(opensAtOnce)
    #expect(throws: ClientError.self) { try target.delete(RelativePath("link/kept")) }
    #expect(try ByteFiles(folder.path + "/outside").all().count == 1)
    try target.delete(RelativePath("inside/x"))
    try target.delete(RelativePath("inside/x"))
    #expect(try files.all().isEmpty)
  }

  @Test(arguments: [true, false]) func aFolderThatIsMovedAwayKeepsItsDownloads(opensAtOnce: Bool) throws {
    let target = target(opensAtOnce)
    _ = try target.place(RelativePath("first"))
    #expect(rename(folder.path + "/in", folder.path + "/moved") == 0)
    try ByteFiles(folder.path).link(Array("in".utf8), to: "outside")
    _ = try target.place(RelativePath("second/file"))
    #expect(FileManager.default.fileExists(atPath: folder.path + "/moved/second"))
    #expect(!FileManager.default.fileExists(atPath: folder.path + "/outside/second"))
  }
}

@Suite struct OutputTargetTests {
  private let folder: TemporaryFolder
  private let files: ByteFiles

  init() throws {
    folder = try TemporaryFolder("output")
    files = ByteFiles(folder.path)
  }

  private func write(_ text: String, to name: String) throws {
    try OutputTarget.find("\(folder.path)/\(name)").write(Data(text.utf8), files: TemporaryFiles())
  }

  private func isLink(_ name: String) -> Bool {
    var status = stat()
    return lstat("\(folder.path)/\(name)", &status) == 0 && status.st_mode & S_IFMT == S_IFLNK
  }

  @Test(arguments: ["target", "new", "a/../new"]) func aLinkThatIsNamedStaysAndItsTargetIsReplaced(
    target: String
  ) throws {
    try files.write("target", Data("old".utf8))
    try files.write("a/b", Data())
    try files.link(Array("link".utf8), to: target)
    try files.link(Array("a/second".utf8), to: "../link")
    try write("new", to: "a/second")
    #expect(isLink("link") && isLink("a/second"))
    #expect(FileManager.default.contents(atPath: "\(folder.path)/\(target)") == Data("new".utf8))
  }

  @Test func linksThatGoInCirclesAreRefused() throws {
    try files.link(Array("a".utf8), to: "b")
    try files.link(Array("b".utf8), to: "a")
    #expect(throws: ClientError.self) { try write("x", to: "a") }
  }

  @Test func permissionsOfWhatIsReplacedStay() throws {
    try files.write("secret", Data("old".utf8))
    #expect(chmod(folder.path + "/secret", 0o600) == 0)
    try write("new", to: "secret")
    var status = stat()
    #expect(stat(folder.path + "/secret", &status) == 0 && status.st_mode & 0o777 == 0o600)
    #expect(try files.all() == [Array("secret".utf8): Data("new".utf8)])
  }

  @Test func aPipeIsWrittenTo() async throws {
    try files.pipe(Array("pipe".utf8))
    let path = folder.path + "/pipe"
    async let read = BlockingThreads.run { try FileHandle(forReadingAtPath: path)?.readToEnd() }
    try await BlockingThreads.run { try write("through", to: "pipe") }
    #expect(try await read == Data("through".utf8))
    var status = stat()
    #expect(lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFIFO)
  }

  @Test func aFolderIsNotAFile() throws {
    try files.write("a/b", Data())
    #expect(throws: ClientError.self) { try write("x", to: "a") }
  }
}
