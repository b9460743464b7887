import CairnTestSupport
import Foundation
import Testing

extension ServerSuite {
  /// The command line client, against a server that works.
  @Suite struct ClientRoundTripTests {
    private let random = Data(RandomBytes.slice(count: 3 << 20))

    @Test func aFileComesBackAsItWas() async throws {
      let client = try await ClientFixture()
      for (name, bytes) in [("empty", Data()), ("small", Data("x".utf8)), ("large", random + random + random + random)]
      {
        try client.write(name, bytes)
        let put = try await client.cairn("put", client.path(name), "dir/\(name)")
        #expect(put.exitCode == 0, "\(put.output)")
        #expect(put.output.contains("MD5") && put.output.contains("verified"))
        let got = try await client.cairn("get", "dir/\(name)", "-o", client.path("back/"))
        #expect(got.exitCode == 0, "\(got.output)")
        expectSame(client.read("back/\(name)"), bytes, name)
        let cat = try await client.cairn("cat", "dir/\(name)")
        #expect(cat.exitCode == 0)
        if name == "small" { #expect(cat.output == "x") }
      }
      #expect(try client.files("back").count == 3)
    }

    @Test func oddNamesAndAllSizesComeBackWithSync() async throws {
      let client = try await ClientFixture()
      let names = [
        "plain", "with space", "100%", "a?b#c", "-dash", "--json", "%2e%2e", "ünï/cødé ☃", "new\nline", "back\\slash",
        "deep/er/and/deeper/file", ".hidden", "...", "a&b=c+d;e", "quote\"'", "x/status",
      ]
      for (index, name) in names.enumerated() {
        try client.write("tree/\(name)", Data(RandomBytes.slice(from: index, count: [0, 1, 5000, 300_000][index % 4])))
      }
      try FileManager.default.createSymbolicLink(atPath: client.path("tree/link"), withDestinationPath: "plain")
      let up = try await client.cairn("sync", client.path("tree"), "a b")
      #expect(up.exitCode == 0, "\(up.output)")
      #expect(up.output.contains("symbolic link"))
      let again = try await client.cairn("sync", client.path("tree"), "a b")
      #expect(again.output.contains("0 files, 0 bytes"), "\(again.output)")
      let down = try await client.cairn("sync", "--down", client.path("back"), "a b")
      #expect(down.exitCode == 0, "\(down.output)")
      try FileManager.default.removeItem(atPath: client.path("tree/link"))
      #expect(try client.files("back") == client.files("tree"))
      let recursive = try await client.cairn("get", "-r", "a b", "-o", client.path("recursive"))
      #expect(recursive.exitCode == 0, "\(recursive.output)")
      #expect(try client.files("recursive/a b") == client.files("tree"))
    }

    @Test func syncTransfersWhatDiffersAndDeletesWhenAsked() async throws {
      let client = try await ClientFixture()
      for name in ["same", "changed", "old/gone"] { try client.write("tree/\(name)", Data(name.utf8)) }
      #expect(try await client.cairn("sync", client.path("tree"), "p").exitCode == 0)
      #expect(try await client.cairn("put", client.path("tree/same"), "p-not").exitCode == 0)
      // Of the same length, so that only the checksum tells.
      try client.write("tree/changed", Data("CHANGED".utf8))
      try client.write("tree/new", Data("new".utf8))
      try FileManager.default.removeItem(atPath: client.path("tree/old/gone"))
      let preview = try client.json(
        try await client.cairn("sync", client.path("tree"), "p", "--delete", "--dry-run", "--json"))
      #expect(preview["transfers"] as? [String] == ["changed", "new"])
      #expect(preview["deletions"] as? [String] == ["old/gone"])
      #expect(try await client.server.curl().names("prefix=p/") == ["p/changed", "p/old/gone", "p/same"])
      let synced = try await client.cairn("sync", client.path("tree"), "p", "--delete")
      #expect(synced.exitCode == 0, "\(synced.output)")
      #expect(try await client.server.curl().names() == ["p-not", "p/changed", "p/new", "p/same"])
      try client.write("back/extra", Data())
      let down = try await client.cairn("sync", "--down", client.path("back"), "p", "--delete")
      #expect(down.exitCode == 0, "\(down.output)")
      #expect(try client.files("back") == client.files("tree"))
    }

    @Test func nothingIsDeletedWhileSomethingCannotBeRead() async throws {
      let client = try await ClientFixture()
      try client.write("tree/a", Data("a".utf8))
      #expect(try await client.cairn("put", client.path("tree/a"), "p/other").exitCode == 0)
      try FileManager.default.createSymbolicLink(atPath: client.path("tree/broken"), withDestinationPath: "missing")
      let synced = try await client.cairn("sync", client.path("tree"), "p", "--delete", "--follow-links")
      #expect(synced.exitCode == 1)
      #expect(synced.output.contains("nothing was deleted"))
      #expect(try await client.server.curl().names() == ["p/a", "p/other"])
    }

    @Test func namesThatLeadOutOfTheFolderAreRefused() async throws {
      let client = try await ClientFixture()
      let curl = try client.server.curl()
      for name in ["p/../../escaped", "p//etc/x", "p/ok", "p/a/../b"] {
        #expect(try await curl.put(name, "x").status == 201)
      }
      for arguments in [["get", "-r", "p", "-o", client.path("out")], ["sync", "--down", client.path("out/p"), "p"]] {
        let result = try await CairnProcess.run(arguments, client.environment)
        #expect(result.exitCode == 1, "\(result.output)")
        #expect(result.output.contains("can't be written below a folder"))
        #expect(try client.files("out") == ["p/ok": Data("x".utf8)])
      }
      #expect(!FileManager.default.fileExists(atPath: client.path("escaped")))
      // By its whole name and to a file that is named, it can be had.
      #expect(try await client.cairn("get", "p/../../escaped", "-o", client.path("got")).exitCode == 0)
      expectSame(client.read("got"), Data("x".utf8))
    }

    @Test func aPipeOfUnknownLengthIsStored() async throws {
      let client = try await ClientFixture()
      for count in [0, 10, 20 << 20] {
        try client.write("input", Data(RandomBytes.slice(count: count)))
        let fifo = client.path("fifo-\(count)")
        #expect(mkfifo(fifo, 0o600) == 0)
        async let written = ShortProcess.run(
          "/bin/sh", ["-c", "cat \"$1\" > \"$2\"", "sh", client.path("input"), fifo])
        let put = try await client.cairn(input: fifo, "put", "-", "piped")
        #expect(try await written.exitCode == 0)
        #expect(put.exitCode == 0, "\(put.output)")
        #expect(try await client.cairn("get", "piped", "-o", client.path("back")).exitCode == 0)
        expectSame(client.read("back"), client.read("input"))
      }
    }

    @Test func filesAreCopiedMovedAndRemoved() async throws {
      let client = try await ClientFixture()
      try client.write("f", random + random + random + random)
      #expect(try await client.cairn("put", client.path("f"), "a/f", "--content-type", "text/x-odd").exitCode == 0)
      #expect(try await client.cairn("cp", "a/f", "copy of f?").exitCode == 0)
      #expect(try await client.cairn("mv", "a/f", "b/").exitCode == 0)
      #expect(try await client.server.curl().names() == ["b/f", "copy of f?"])
      // The copy does not depend on what it was made from.
      #expect(try await client.cairn("rm", "b/f").exitCode == 0)
      #expect(try await client.cairn("get", "copy of f?", "-o", client.path("back")).exitCode == 0)
      expectSame(client.read("back"), client.read("f"))
      let facts = try client.json(try await client.cairn("stat", "copy of f?", "--json"))
      let file = try #require((facts["files"] as? [[String: Any]])?.first)
      #expect(file["content_type"] as? String == "text/x-odd")
      #expect(file["size"] as? Int == 12 << 20)
      #expect(file["sha256"] as? String == (try await ShortProcess.checksum("sha256sum", of: client.path("f"))))
      #expect(try await client.cairn("mv", "copy of f?", "copy of f?").exitCode == 1)
      #expect(try await client.cairn("mv", "missing", "x").exitCode == 3)
      for name in ["d/1", "d/2", "dd"] { #expect(try await client.server.curl().put(name, "x").status == 201) }
      #expect(try await client.cairn("rm", "-r", "d").exitCode == 0)
      #expect(try await client.server.curl().names() == ["copy of f?", "dd"])
    }

    @Test func aCopyIsOfTheVersionThatIsNamed() async throws {
      let client = try await ClientFixture()
      let curl = try client.server.curl()
      #expect(try await curl.put("a", "one").status == 201)
      let stale = try await curl(
        "/blob/b", "-X", "PUT", "-H", "X-Cairn-Copy-Source: a", "-H", "X-Cairn-Copy-Source-If-Match: \"0\"")
      #expect(stale.status == 412)
      #expect(try await curl("/blob/b", "-X", "PUT", "-H", "X-Cairn-Copy-Source: missing").status == 404)
      #expect(try await curl("/blob/b", "-X", "PUT", "-H", "X-Cairn-Copy-Source: a").status == 201)
      #expect(try await curl("/blob/b?on_conflict=reject", "-X", "PUT", "-H", "X-Cairn-Copy-Source: a").status == 409)
      #expect(
        try await curl("/blob/b", "-X", "PUT", "-H", "X-Cairn-Copy-Source: a", "-H", "If-None-Match: *").status == 412)
      #expect(try await curl("/blob/b").text == "one")
    }

    @Test func aBodyThatIsNotTheOneOfItsDigestIsRefused() async throws {
      let client = try await ClientFixture()
      let curl = try client.server.curl()
      #expect(try await curl.put("a", "old").status == 201)
      let empty = "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:"
      #expect(try await curl.put("a", "new", "-H", "Repr-Digest: \(empty)").status == 422)
      #expect(try await curl.put("a", "new", "-H", "Repr-Digest: sha-256=:AAAA:").status == 400)
      #expect(try await curl("/blob/a").text == "old")
      #expect(try await curl.put("e", "", "-H", "Repr-Digest: \(empty)").status == 201)
      let head = try await curl("/blob/e", "--head", "-H", "Want-Repr-Digest: sha-256=1")
      #expect(head.headers["repr-digest"] == empty)
    }

    @Test func listsAreOfAPrefix() async throws {
      let client = try await ClientFixture()
      for name in ["a", "b/1", "b/2", "c\nd"] { #expect(try await client.server.curl().put(name, "xyz").status == 201) }
      #expect(try await client.cairn("ls").output == "a\nb/1\nb/2\nc\nd\n")
      #expect(try await client.cairn("ls", "b/").output == "b/1\nb/2\n")
      #expect(try await client.cairn("ls", "-f").output == "a\nb/\nc\nd\n")
      #expect(try await client.cairn("ls", "nothing").output == "")
      let long = try await client.cairn("ls", "-l", "b/").output.split(separator: "\n")
      #expect(long.count == 3)
      #expect(long.last?.hasSuffix("  d16fb36f0911f878998c136191af705e  b/2") == true, "\(long)")
      let listed = try client.json(try await client.cairn("ls", "--json"))
      #expect(
        (listed["blobs"] as? [[String: Any]])?.compactMap { $0["name"] as? String } == ["a", "b/1", "b/2", "c\nd"])
    }

    @Test func whatIsPrintedAsJSONParses() async throws {
      let client = try await ClientFixture()
      try client.write("f", Data("abc".utf8))
      for arguments in [
        ["put", client.path("f"), "f"], ["get", "f", "-o", client.path("g")], ["stat", "f"], ["ls"], ["cp", "f", "g"],
        ["mv", "g", "h"], ["rm", "h"], ["sync", client.path(""), "s", "--dry-run"], ["status"], ["nodes"],
        ["gc", "--dry-run"],
        ["scrub"], ["bench", "--count", "3", "--size", "10"], ["config", "server"],
      ] {
        let result = try await CairnProcess.run(arguments + ["--json"], client.environment)
        #expect(result.exitCode == 0, "\(arguments) \(result.output)")
        #expect(throws: Never.self, "\(arguments) \(result.output)") { try client.json(result) }
      }
    }

    @Test func exitCodesTellWhatWentWrong() async throws {
      let client = try await ClientFixture()
      try client.write("f", Data("abc".utf8))
      let cases: [([String], Int32)] = [
        (["put", client.path("f"), "f"], 0), (["get", "missing"], 3), (["cat", "missing"], 3),
        (["stat", "missing"], 3),
        (["rm", "missing"], 3), (["rm", "-f", "missing"], 0), (["get", "-r", "missing"], 3), (["put"], 64),
        (["put", "-"], 64), (["get", "f", "--jobs", "0"], 64), (["put", client.path("missing")], 1),
        (["put", "--no-overwrite", client.path("f"), "f"], 1), (["cp", "f", "g", "--no-overwrite"], 0),
        (["cp", "f", "g", "--no-overwrite"], 1),
        (["ls", "--server", "http://127.0.0.1:1", "--retries", "0"], 5), (["ls", "--server", "nonsense"], 64),
      ]
      for (arguments, exitCode) in cases {
        let result = try await CairnProcess.run(arguments, client.environment)
        #expect(result.exitCode == exitCode, "\(arguments) \(result.output)")
        if exitCode != 0, exitCode != 64 {
          #expect(
            result.output.hasPrefix("cairn: ") && result.output.split(separator: "\n").count == 1, "\(result.output)")
        }
      }
    }

    @Test func shellsCanCompleteCommands() async throws {
      for shell in ["bash", "zsh", "fish"] {
        let script = try await CairnProcess.run(["--generate-completion-script", shell])
        #expect(script.exitCode == 0)
        #expect(script.output.contains("sync") && script.output.contains("follow-links"))
      }
    }
  }
}
