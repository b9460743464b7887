import CairnClient
import CairnModel
import Testing

@Suite struct RelativePathTests {
  @Test(arguments: [
    "a", "a/b/c", "-rf", "100%", "a?b#c", "...", "..a/b..", " ", "snow ☃/e\u{301}", "a\\b", "a\nb", "..\u{338}/x",
    "x/\u{338}", ".cairn-x.part", ".cairn-0123.part", String(repeating: "x", count: 255),
  ])
  func ordinaryNamesAreTheirPaths(name: String) throws {
    #expect(try RelativePath(ByteText(name)).text == ByteText(name))
  }

  @Test(arguments: [
    "", "/", "/etc/passwd", "../a", "a/../b", "a/..", "..", ".", "./a", "a//b", "a/", "a\u{0}b",
    ".cairn-0123456789abcdef.part", "a/.cairn-0123456789abcdef.part", "x/../\u{338}", "../\u{338}",
    String(repeating: "x", count: 256), "a/" + String(repeating: "é", count: 128) + "/b",
  ])
  func namesThatAreNoPathBelowAFolderAreRefused(name: String) {
    #expect(throws: InvalidPath.self) { try RelativePath(ByteText(name)) }
  }

  @Test func componentsAreSplitAtBytes() throws {
    let path = try RelativePath("x/\u{338}y/z")
    #expect(path.components == ["x", "\u{338}y", "z"])
    #expect(path.name == "z")
    #expect(path.ancestors.map(\.text) == ["x", "x/\u{338}y"])
  }

  @Test(
    arguments: [("", ""), ("a", "a/"), ("a/", "a/"), ("a/b", "a/b/"), ("a/\u{301}", "a/\u{301}/")]
      as [(ByteText, ByteText)])
  func aPrefixIsAFolder(prefix: ByteText, folder: ByteText) {
    #expect(NameMapping.folder(prefix) == folder)
  }

  @Test func aNameThatIsAlsoAFolderIsRefusedAndTheRestIsNot() {
    let names = DownloadNames(["a", "a-", "a/b", "a/b/c", "../x", "e\u{301}", "\u{e9}/x"])
    #expect(names.paths.map(\.text) == ["a-", "a/b/c", "e\u{301}", "\u{e9}/x"])
    #expect(names.problems.map(\.name) == ["../x", "a", "a/b"])
  }

  @Test(arguments: [
    ("a", ".", "a"), ("a/b", "a", "b"), ("/b", "/", "b"), ("//b//", "/", "b"), ("a//b", "a/", "b"),
    ("x/\u{338}", "x", "\u{338}"),
  ])
  func aLocalPathIsAFolderAndAName(path: String, folder: String, name: String) throws {
    let parts = try #require(LocalPath.split(path))
    #expect(ByteText(parts.folder) == ByteText(folder) && ByteText(parts.name) == ByteText(name))
  }

  @Test(arguments: ["", "/", "//", ".", "..", "a/.", "a/.."]) func aPathWithoutANameHasNone(path: String) {
    #expect(LocalPath.split(path) == nil)
  }

  @Test(arguments: [("/a/./b//c/..", "/a/b"), ("/..", "/"), ("/x/../\u{338}", "/\u{338}"), ("/x/\u{338}/..", "/x")])
  func anAbsolutePathHasNoDots(path: String, absolute: String) {
    #expect(ByteText(LocalPath.absolute(path)) == ByteText(absolute))
  }
}

@Suite struct TransferConflictTests {
  @Test func twoFilesThatWouldBecomeOneAreRefused() {
    #expect(throws: ClientError.self) { try TransferConflicts.refuse([("x/f", "d/f"), ("y/f", "d/f")]) }
    #expect(throws: Never.self) {
      try TransferConflicts.refuse([("x", "caf\u{e9}"), ("y", "cafe\u{301}"), ("z", "X")])
    }
  }
}
