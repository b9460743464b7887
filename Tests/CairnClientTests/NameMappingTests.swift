import CairnClient
import Testing

@Suite struct NameMappingTests {
  @Test(arguments: ["a", "a/b/c", "-rf", "100%", "a?b#c", "...", "..a/b..", " ", "snow ☃/e\u{301}", "a\\b", "a\nb"])
  func ordinaryNamesAreTheirPaths(name: String) throws {
    #expect(try NameMapping.path(name[...]) == name)
  }

  @Test(arguments: [
    "", "/", "/etc/passwd", "../a", "a/../b", "a/..", "..", ".", "./a", "a//b", "a/", "a\u{0}b", ".cairn-x.part",
    "a/.cairn-0123.part",
  ])
  func namesThatAreNoPathBelowAFolderAreRefused(name: String) {
    #expect(throws: ClientError.self) { try NameMapping.path(name[...]) }
  }

  @Test(arguments: [("a/b.txt", "b.txt"), ("b", "b"), ("../x", "x"), ("/etc/passwd", "passwd")])
  func aFileIsCalledByTheLastWord(name: String, file: String) throws {
    #expect(try NameMapping.fileName(name) == file)
  }

  @Test(arguments: ["a/", "a/..", "..", "a/."]) func aNameWithoutALastWordHasNoFileName(name: String) {
    #expect(throws: ClientError.self) { try NameMapping.fileName(name) }
  }

  @Test(arguments: [("", ""), ("a", "a/"), ("a/", "a/"), ("a/b", "a/b/")])
  func aPrefixIsAFolder(prefix: String, folder: String) {
    #expect(NameMapping.folder(prefix) == folder)
  }
}
