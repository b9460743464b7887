import CairnTestSupport
import Foundation
import Testing

extension ServerSuite {
  /// Where the client writes: standard output, pipes, devices and links.
  @Suite struct OutputTests {
    /// Runs a line of a shell in which `$cairn` is the program and `$dir` the folder.
    private func shell(_ script: String, _ client: ClientFixture) async throws -> ShortProcess.Result {
      let environment = client.environment.merging([
        "cairn": CairnProcess.program, "dir": client.folder.path, "PATH": "/usr/bin:/bin",
      ]) { $1 }
      return try await ShortProcess.run(
        "/bin/bash", ["-c", script], environment: environment.map { "\($0.key)=\($0.value)" })
    }

    @Test func aFullDiskIsAnErrorOfEveryCommand() async throws {
      let client = try await ClientFixture()
      try client.write("f", Data("x".utf8))
      for name in ["f", "g", "h", "i"] { #expect(try await client.server.curl().put(name, "x").status == 201) }
      for command in [
        "ls", "ls -l", "ls --json", "ls -0", "stat f", "stat f --json", "cat f", "get f -o -", "get f -o \"$dir/g\"",
        "put \"$dir/f\" f", "put \"$dir/f\" f --json", "cp f j --json", "mv j k --json", "rm -f g --json",
        "sync \"$dir\" s --dry-run", "sync \"$dir\" s", "send \"$dir/f\"", "receive \"$dir/f\"",
        "receive \"$dir/f\" -o /dev/stdout", "bench --count 1 --size 1", "status", "nodes --json", "gc --dry-run",
        "scrub", "config server", "config server --json", "--help", "--version", "help put", "secret",
      ] {
        let result = try await shell("exec \"$cairn\" \(command) >/dev/full", client)
        #expect(result.exitCode == 1, "\(command): \(result.exitCode) \(result.output)")
        #expect(result.output.contains("No space left on device"), "\(command): \(result.output)")
      }
      let closed = try await shell("exec \"$cairn\" ls >&-", client)
      #expect(closed.exitCode == 1 && closed.output.contains("Standard output can't be written"), "\(closed.output)")
    }

    @Test func aClosedPipeEndsTheCommandQuietly() async throws {
      let client = try await ClientFixture()
      #expect(try await client.server.curl().put("f", "x").status == 201)
      for command in [
        "ls", "ls -l", "stat f", "cat f", "get f -o -", "get f -o /dev/stdout", "status", "config server",
      ] {
        // `exec true` ends without reading: the pipe is closed before anything is written.
        let script = "(sleep 0.1; exec \"$cairn\" \(command)) | true; exit ${PIPESTATUS[0]}"
        let result = try await shell(script, client)
        #expect(result.exitCode == 141 && result.output.isEmpty, "\(command): \(result.exitCode) \(result.output)")
      }
    }

    @Test func pipesAndDevicesAreWrittenToAndStay() async throws {
      let client = try await ClientFixture()
      let bytes = Data(RandomBytes.slice(count: 300_000))
      try client.write("f", bytes)
      #expect(try await client.cairn("put", client.path("f"), "f").exitCode == 0)
      #expect(try await client.cairn("send", client.path("f")).exitCode == 0)
      #expect(mkfifo(client.path("pipe"), 0o600) == 0)
      for command in ["get f -o \"$dir/pipe\"", "receive \"$dir/f\" -o \"$dir/pipe\""] {
        let result = try await shell("cat \"$dir/pipe\" >\"$dir/read\" & \"$cairn\" \(command) && wait", client)
        #expect(result.exitCode == 0, "\(command): \(result.output)")
        expectSame(client.read("read"), bytes, command)
      }
      for command in ["get f -o /dev/stdout", "receive \"$dir/f\" -o /dev/stdout", "receive \"$dir/f\" -o -", "cat f"] {
        for redirection in [">\"$dir/out\"", "| cat >\"$dir/out\""] {
          let result = try await shell("\"$cairn\" \(command) \(redirection)", client)
          #expect(result.exitCode == 0 && result.output.isEmpty, "\(command): \(result.output)")
          expectSame(client.read("out"), bytes, command)
        }
      }
      #expect(try await shell("printf x >\"$dir/out\"; \"$cairn\" cat f >>\"$dir/out\"", client).exitCode == 0)
      expectSame(client.read("out"), Data("x".utf8) + bytes)
      for command in ["get f -o /dev/null", "receive \"$dir/f\" -o /dev/null"] {
        #expect(try await shell("\"$cairn\" \(command)", client).exitCode == 0)
      }
      for path in ["/dev/null", client.path("pipe")] {
        var status = stat()
        #expect(lstat(path, &status) == 0 && [S_IFCHR, S_IFIFO].contains(status.st_mode & S_IFMT), "\(path)")
      }
      let full = try await shell("\"$cairn\" get f -o /dev/full", client)
      #expect(full.exitCode == 1 && full.output.contains("No space left on device"), "\(full.output)")
    }

    @Test func aPipeInAFolderIsNotReplaced() async throws {
      let client = try await ClientFixture()
      let curl = try client.server.curl()
      for name in ["p/pipe", "p/folder", "p/f"] { #expect(try await curl.put(name, "x").status == 201) }
      let back = ByteFiles(client.path("back"))
      try back.pipe(Array("pipe".utf8))
      try back.write("folder/x", Data())
      let result = try await client.cairn("sync", "--down", client.path("back"), "p")
      #expect(result.exitCode == 1, "\(result.output)")
      #expect(result.output.contains("is a pipe") && result.output.contains("is a folder"), "\(result.output)")
      #expect(try back.all().keys.count == 2)
      var status = stat()
      #expect(lstat(client.path("back/pipe"), &status) == 0 && status.st_mode & S_IFMT == S_IFIFO)
    }

    @Test func aLinkThatIsNamedIsFollowed() async throws {
      let client = try await ClientFixture()
      #expect(try await client.server.curl().put("f", "new").status == 201)
      try client.write("real/file", Data("old".utf8))
      try ByteFiles(client.folder.path).link(Array("link".utf8), to: "real/file")
      #expect(try await client.cairn("get", "f", "-o", client.path("link")).exitCode == 0)
      expectSame(client.read("real/file"), Data("new".utf8))
      #expect(try FileManager.default.destinationOfSymbolicLink(atPath: client.path("link")) == "real/file")
    }

    @Test func aWrongChecksumOnAPipeIsSaid() async throws {
      var client = try await ClientFixture()
      let bytes = Data(RandomBytes.slice(count: 300_000))
      try client.write("f", bytes)
      #expect(try await client.cairn("put", client.path("f"), "f").exitCode == 0)
      let proxy = try await FaultProxy(to: client.port, .toClient, .flip(200_000))
      client.port = proxy.port
      #expect(mkfifo(client.path("pipe"), 0o600) == 0)
      for command in ["get f -o \"$dir/pipe\"", "cat f >\"$dir/pipe\""] {
        let script = "cat \"$dir/pipe\" >/dev/null & \"$cairn\" \(command)"
        let result = try await shell(script, client)
        #expect(result.exitCode == 4, "\(command): \(result.output)")
        #expect(result.output.contains("don't use them") && !result.output.contains("nothing was kept"))
      }
      try await proxy.close()
    }

    @Test func namesAreShownAsTheyAreUnlessATerminalReadsThem() async throws {
      let client = try await ClientFixture()
      for name in ["a\nb", "c\u{1B}[2J"] { #expect(try await client.server.curl().put(name, "x").status == 201) }
      #expect(try await client.cairn("ls").output == "a\nb\nc\u{1B}[2J\n")
      #expect(try await client.cairn("ls", "-0").output == "a\nb\0c\u{1B}[2J\0")
      #expect(try await client.cairn("ls", "-l").output.contains("a\\u{a}b\n"))
      // `script` gives it a terminal.
      let terminal = try await shell("script -qec '\"$cairn\" ls' /dev/null", client)
      #expect(terminal.output.contains("a\\u{a}b") && terminal.output.contains("c\\u{1b}[2J"), "\(terminal.output)")
      #expect(!terminal.output.contains("\u{1B}[2J"))
    }
  }
}
