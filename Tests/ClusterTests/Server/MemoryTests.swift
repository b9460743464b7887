import CairnTestSupport
import Foundation
import Testing

extension ServerSuite {
  /// A stream holds a few chunks, whatever the file's size.
  @Suite struct MemoryTests {
    /// `CAIRN_TEST_LARGE_MIB` for another size, such as 5120.
    static let lengthMiB = Environment.variable("CAIRN_TEST_LARGE_MIB").flatMap { Int($0) } ?? 1024
    static let memoryMaxKiB = 200 << 10

    @Test(.timeLimit(.minutes(10))) func largeFilesComeAndGoInLittleMemory() async throws {
      let server = try await CairnProcess.server()
      let curl = try server.curl(timeoutSeconds: 500)
      let file = server.folder.path + "/large"
      try RandomBytes.writeFile(file, count: Self.lengthMiB << 20)
      let sha256 = try await ShortProcess.checksum("sha256sum", of: file)

      let raw = try await curl("/blob/raw", "-T", file)
      #expect(raw.metadata["checksum"] as? String == sha256, "\(raw.status) \(raw.text)")
      try expectLittleMemory(server, "after a raw upload")
      let form = try await curl("/upload", "-F", "file=@\(file);filename=form")
      #expect(form.metadata["checksum"] as? String == sha256, "\(form.status) \(form.text)")
      try expectLittleMemory(server, "after a form")
      unlink(file)
      let saved = try TemporaryFolder("saved")
      let download = try await curl("/blob/raw", "-O", "-J", savingIn: saved.path)
      #expect(download.exitCode == 0)
      #expect(try await ShortProcess.checksum("sha256sum", of: saved.path + "/raw") == sha256)
      try expectLittleMemory(server, "after a download")
      print("memory test: \(Self.lengthMiB) MiB with a peak of \(try server.memoryKiB("VmHWM") >> 10) MiB")
      try await server.stopInOrder()
    }

    @Test func aClientThatReadsNothingCostsNoMemory() async throws {
      let server = try await CairnProcess.server()
      let file = server.folder.path + "/large"
      try RandomBytes.writeFile(file, count: 200 << 20)
      #expect(try await server.curl()("/blob/large", "-T", file).status == 201)
      // Twenty downloads that nobody takes in.
      let clients = try (0..<20).map { _ in try WireClient(port: server.port) }
      for client in clients { try client.send(Array("GET /blob/large HTTP/1.1\r\nHost: a\r\n\r\n".utf8)[...]) }
      // The server is still there for others.
      for number in 0..<20 { #expect(try await server.curl().put("small \(number)", "x").status == 201) }
      #expect(try await server.curl()("/blob/large").body.count == 200 << 20)
      try expectLittleMemory(server)
      withExtendedLifetime(clients) {}
    }

    private func expectLittleMemory(_ server: CairnProcess, _ when: String = "") throws {
      let peak = try server.memoryKiB("VmHWM")
      #expect(peak < Self.memoryMaxKiB, "\(when)")
    }
  }
}
