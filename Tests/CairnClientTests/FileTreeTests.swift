import CairnClient
import CairnModel
import CairnTestSupport
import Foundation
import Testing

@Suite struct FileTreeTests {
  private let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder("tree")
  }

  private func write(_ path: String, _ text: String = "x") throws {
    try ByteFiles(folder.path).write(path, Data(text.utf8))
  }

  private func link(_ path: String, to target: String) throws {
    try FileManager.default.createSymbolicLink(atPath: "\(folder.path)/\(path)", withDestinationPath: target)
  }

  @Test func filesAreFoundWithTheirRelativePaths() throws {
    try write("b/c d/e", "12345")
    try write("-a")
    try write(".hidden")
    try write("b/.cairn-0011223344556677.part")
    let tree = FileTree(folder.path, followsLinks: false)
    #expect(tree.files.map(\.relativePath) == ["-a", ".hidden", "b/c d/e"])
    #expect(tree.files.last?.size == 5)
    #expect(tree.problems.map(\.path) == [folder.path + "/b/.cairn-0011223344556677.part"])
    #expect(tree.problems.allSatisfy { !$0.isError })
  }

  @Test func namesAreKeptAndOrderedByTheirBytes() throws {
    let names: [ByteText] = ["cafe\u{301}", "caf\u{e9}", "d/\u{301}x", "\u{212A}", "K", ".cairn-kept.part"]
    for name in names { try write(name.string) }
    let tree = FileTree(folder.path, followsLinks: false)
    #expect(tree.files.map(\.relativePath) == names.sorted())
    #expect(tree.problems.isEmpty)
  }

  @Test func linksAreLeftOutAndTold() throws {
    try write("a")
    try link("link", to: "a")
    let tree = FileTree(folder.path, followsLinks: false)
    #expect(tree.files.map(\.relativePath) == ["a"])
    #expect(tree.problems.map(\.path) == [folder.path + "/link"])
    #expect(tree.problems.allSatisfy { !$0.isError })
  }

  @Test func followedLinksDoNotGoInCircles() throws {
    try write("a/file")
    try link("a/loop", to: "..")
    try link("file", to: "a/file")
    try link("nowhere", to: "missing")
    let tree = FileTree(folder.path, followsLinks: true)
    #expect(tree.files.map(\.relativePath) == ["a/file", "file"])
    #expect(Set(tree.problems.map(\.path)) == [folder.path + "/a/loop", folder.path + "/nowhere"])
    #expect(tree.problems.allSatisfy { $0.isError })
  }

  @Test func namesThatAreNotUTF8AreTold() throws {
    try write("good")
    let path = Array("\(folder.path)/bad".utf8) + [0xFF, 0]
    let descriptor = try path.withUnsafeBufferPointer { bytes in
      try bytes.withMemoryRebound(to: CChar.self) { open(try #require($0.baseAddress), O_CREAT, 0o644) }
    }
    #expect(descriptor >= 0)
    close(descriptor)
    let tree = FileTree(folder.path, followsLinks: false)
    #expect(tree.files.map(\.relativePath) == ["good"])
    #expect(tree.problems.first?.description.contains("bad\\xff") == true)
    #expect(tree.problems.first?.isError == true)
  }

  @Test func otherThingsThanFilesAreLeftOut() throws {
    #expect(mkfifo(folder.path + "/pipe", 0o644) == 0)
    let tree = FileTree(folder.path, followsLinks: false)
    #expect(tree.files.isEmpty)
    #expect(tree.problems.count == 1)
  }

  @Test func aFolderThatIsNotThereIsAProblem() {
    #expect(FileTree(folder.path + "/missing", followsLinks: false).problems.first?.isError == true)
  }
}

@Suite struct StateTextTests {
  @Test(arguments: [
    Data(), Data("text ☃\n".utf8), Data([0xFF, 0xFE]), Data([0]),
    Data("data:application/octet-stream;base64,AAAA".utf8), Data((0...255).map { UInt8($0) }),
  ])
  func bytesComeBack(bytes: Data) throws {
    #expect(try StateText.bytes(StateText.text(bytes)) == bytes)
  }

  @Test func textIsKeptAsItIs() {
    #expect(StateText.text(Data("hello".utf8)) == "hello")
  }

  @Test func theKeyIsTheHashOfThePath() {
    #expect(StateText.key(path: "/etc/hostname") == "7b7e873d82462e4ede4cfa5ce873291b077ec45277cf9bd3d2750179c8397475")
  }

  @Test func damagedBase64IsNoticed() {
    #expect(throws: ClientError.self) { try StateText.bytes("data:application/octet-stream;base64,A*") }
  }
}
