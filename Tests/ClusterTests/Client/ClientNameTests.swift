import CairnTestSupport
import Foundation
import Testing

extension ServerSuite {
  /// Names are bytes for the client: what Swift's strings take for equal, or for no slash, is neither.
  @Suite struct ClientNameTests {
    private static let composed = "caf\u{e9}"
    private static let decomposed = "cafe\u{301}"

    private func isSame(_ text: String, _ other: String) -> Bool { text.utf8.elementsEqual(other.utf8) }

    @Test func bothNormalFormsAreSynchronized() async throws {
      let client = try await ClientFixture()
      let tree = ByteFiles(client.path("tree"))
      try tree.write("d/" + Self.composed, Data("composed".utf8))
      try tree.write("d/" + Self.decomposed, Data("decomposed".utf8))
      try tree.write("x/\u{301}y", Data("mark".utf8))
      let up = try await client.cairn("sync", client.path("tree"), "p")
      #expect(up.exitCode == 0, "\(up.output)")
      let listed = try await client.cairn("ls", "p/").output
      #expect(isSame(listed, "p/d/\(Self.decomposed)\np/d/\(Self.composed)\np/x/\u{301}y\n"), "\(listed)")
      let down = try await client.cairn("sync", "--down", client.path("back"), "p")
      #expect(down.exitCode == 0, "\(down.output)")
      #expect(try ByteFiles(client.path("back")).all() == tree.all())
      #expect(try await client.cairn("get", "-r", "p", "-o", client.path("got")).exitCode == 0)
      #expect(try ByteFiles(client.path("got/p")).all() == tree.all())
      #expect(unlink(client.path("tree/d/" + Self.composed)) == 0)
      #expect(try await client.cairn("sync", client.path("tree"), "p", "--delete").exitCode == 0)
      #expect(try await client.cairn("sync", "--down", client.path("back"), "p", "--delete").exitCode == 0)
      #expect(try ByteFiles(client.path("back")).all() == tree.all())
    }

    @Test func aFileMovesFromOneNormalFormToTheOther() async throws {
      let client = try await ClientFixture()
      #expect(try await client.server.curl().put(Self.composed, "x").status == 201)
      let moved = try await client.cairn("mv", Self.composed, Self.decomposed)
      #expect(moved.exitCode == 0, "\(moved.output)")
      #expect(isSame(try await client.cairn("ls").output, Self.decomposed + "\n"))
      #expect(try await client.cairn("rm", Self.composed).exitCode == 3)
      let same = try await client.cairn("mv", Self.decomposed, Self.decomposed)
      #expect(same.exitCode == 1 && same.output.contains("already has this name"), "\(same.output)")
    }

    @Test func nothingIsWrittenOutsideTheFolder() async throws {
      let client = try await ClientFixture()
      let curl = try client.server.curl()
      let (long, outside) = (String(repeating: "n", count: 256), client.path("outside"))
      for name in ["x/../\u{338}", "x/link/\u{338}", "x/ok", "x/..", "x/a", "x/a/b", "x//c", "x/" + long, "x/./d"] {
        #expect(try await curl.put(name, "x").status == 201)
      }
      try ByteFiles(client.folder.path).write("outside/kept", Data())
      for (arguments, target) in [
        (["get", "-r", "x", "-o", client.path("got")], "got/x"),
        (["sync", "--down", client.path("synced"), "x"], "synced"),
      ] {
        try ByteFiles(client.path(target)).link(Array("link".utf8), to: outside)
        let result = try await CairnProcess.run(arguments, client.environment)
        #expect(result.exitCode == 1, "\(result.output)")
        for part in ["'..'", "'.'", "256 bytes", "empty component", "also the folder", "link is not a folder"] {
          #expect(result.output.contains(part), "\(part) in \(result.output)")
        }
        #expect(try Set(ByteFiles(client.path(target)).all().keys) == [Array("ok".utf8), Array("a/b".utf8)])
      }
      #expect(try ByteFiles(outside).all().count == 1)
    }

    @Test func whatIsNotUTF8IsRefusedByItsName() async throws {
      let client = try await ClientFixture()
      let tree = ByteFiles(client.path("tree"))
      try tree.write([0x62, 0xFF], Data("bad".utf8))
      try tree.write("good", Data("good".utf8))
      for command in [["put", client.path("tree"), "p"], ["sync", client.path("tree"), "p"]] {
        let result = try await CairnProcess.run(command, client.environment)
        #expect(result.exitCode == 1)
        #expect(result.output.contains("b\\xff") && result.output.contains("not UTF-8"), "\(result.output)")
        #expect(try await client.server.curl().names() == ["p/good"])
      }
      // The shell makes the byte, for Swift's arguments are texts.
      let script = "exec \"$0\" rm \"$(printf 'b\\377')\""
      let removed = try await ShortProcess.run(
        "/bin/sh", ["-c", script, CairnProcess.program], environment: client.environment.map { "\($0.key)=\($0.value)" }
      )
      #expect(removed.exitCode == 64 && removed.output.contains("'b\\xff' is not UTF-8"), "\(removed.output)")
    }

    @Test func twoFilesOfOneNameAreRefusedBeforeAnythingIsTransferred() async throws {
      let client = try await ClientFixture()
      for name in ["x/f", "y/f"] { try client.write(name, Data(name.utf8)) }
      let put = try await client.cairn("put", client.path("x/f"), client.path("y/f"), "dir/")
      #expect(put.exitCode == 1 && put.output.contains("would both become dir/f"), "\(put.output)")
      #expect(try await client.server.curl().names() == [])
      for name in ["x/f", "y/f"] { #expect(try await client.cairn("put", client.path(name), name).exitCode == 0) }
      let got = try await client.cairn("get", "x/f", "y/f", "-o", client.path("d/"))
      #expect(got.exitCode == 1 && got.output.contains("would both become f"), "\(got.output)")
      #expect(client.read("d/f") == nil)
      let folders = try await client.cairn("put", client.path("x"), client.path("y/f"), client.path("x/"), "dir/")
      #expect(folders.exitCode == 1, "\(folders.output)")
    }
  }
}
