import CairnTestSupport
import Foundation
import Testing

extension ServerSuite {
  /// The command line client, when something happens to the bytes on their way, or to itself.
  @Suite struct ClientFaultTests {
    private static let size = 24 << 20
    private let bytes = Data(RandomBytes.slice(count: size))

    /// A client that reaches its server through a proxy with a fault.
    private func fixture(
      _ direction: FaultProxy.Direction, _ fault: FaultProxy.Fault
    ) async throws -> (ClientFixture, FaultProxy) {
      var client = try await ClientFixture()
      try client.write("f", bytes)
      #expect(try await client.server.curl()("/blob/f", "-T", client.path("f")).status == 201)
      let proxy = try await FaultProxy(to: client.port, direction, fault)
      client.port = proxy.port
      return (client, proxy)
    }

    @Test func aDownloadWithAFlippedBitLeavesNoFile() async throws {
      let (client, proxy) = try await fixture(.toClient, .flip(5_000_000))
      try FileManager.default.createDirectory(atPath: client.path("out"), withIntermediateDirectories: true)
      let got = try await client.cairn("get", "f", "-o", client.path("out/f"))
      #expect(got.exitCode == 4, "\(got.output)")
      #expect(got.output.contains("checksum differs"))
      #expect(try client.files("out").isEmpty)
      let cat = try await client.cairn("sync", "--down", client.path("out"), "")
      #expect(cat.exitCode == 4, "\(cat.output)")
      #expect(try client.files("out").isEmpty)
      try await proxy.close()
    }

    @Test func anUploadWithAFlippedBitLeavesTheOldVersion() async throws {
      let (client, proxy) = try await fixture(.toServer, .flip(5_000_001))
      try client.write("new", Data(RandomBytes.slice(from: 77, count: Self.size)))
      for name in ["f", "other"] {
        let put = try await client.cairn("put", client.path("new"), name)
        #expect(put.exitCode == 4, "\(put.output)")
      }
      #expect(try await client.server.curl().names() == ["f"])
      expectSame(try await client.server.curl()("/blob/f").body, bytes)
      try await proxy.close()
    }

    @Test func aDownloadThatIsCutGoesOnWhereItStood() async throws {
      let (client, proxy) = try await fixture(.toClient, .cut(15 << 20))
      let got = try await client.cairn("get", "f", "-o", client.path("back"))
      #expect(got.exitCode == 0, "\(got.output)")
      expectSame(client.read("back"), bytes)
      // What was on its way when the connection broke comes again, but by far not what was there before.
      #expect(proxy.passed(.toClient) < Self.size + (10 << 20))
      try await proxy.close()
    }

    @Test func whatComesOnStandardOutputGoesOnToo() async throws {
      let (client, proxy) = try await fixture(.toClient, .cut(15 << 20))
      let cat = try await ShortProcess.run(
        "/bin/sh", ["-c", "\"$1\" cat f > \"$2\"", "sh", CairnProcess.program, client.path("back")],
        environment: client.environment.map { "\($0.key)=\($0.value)" })
      #expect(cat.exitCode == 0, "\(cat.output)")
      expectSame(client.read("back"), bytes)
      try await proxy.close()
    }

    @Test func anUploadThatIsCutIsTriedAgain() async throws {
      let (client, proxy) = try await fixture(.toServer, .cut(5 << 20))
      let put = try await client.cairn("put", client.path("f"), "again")
      #expect(put.exitCode == 0, "\(put.output)")
      expectSame(try await client.server.curl()("/blob/again").body, bytes)
      try await proxy.close()
    }

    @Test func ctrlCLeavesNoFile() async throws {
      let (client, proxy) = try await fixture(.toClient, .stall(10 << 20))
      try FileManager.default.createDirectory(atPath: client.path("out"), withIntermediateDirectories: true)
      let process = try client.start("get", "f", "-o", client.path("out/f"))
      try await eventually("a part is there") { try client.files("out").values.contains { $0.count > 5 << 20 } }
      process.signal(SIGINT)
      #expect(try await process.waitUntilEnded() == 130)
      #expect(try client.files("out").isEmpty)
      #expect(String(decoding: client.read("log") ?? Data(), as: UTF8.self) == "cairn: interrupted\n")
      try await proxy.close()
    }

    @Test func ctrlCDuringAnUploadStoresNothing() async throws {
      let (client, proxy) = try await fixture(.toServer, .stall(5 << 20))
      let process = try client.start("put", client.path("f"), "interrupted")
      try await eventually("a part went") { proxy.passed(.toServer) >= 5 << 20 }
      process.signal(SIGINT)
      #expect(try await process.waitUntilEnded() == 130)
      try await proxy.close()
      #expect(try await client.server.curl().names() == ["f"])
    }

    /// In the folder `out` is a part of more than 12 MiB.
    private func fixtureWithAKilledDownload() async throws -> (ClientFixture, FaultProxy) {
      let (client, proxy) = try await fixture(.toClient, .stall(16 << 20))
      try FileManager.default.createDirectory(atPath: client.path("out"), withIntermediateDirectories: true)
      let process = try client.start("get", "f", "-o", client.path("out/f"))
      try await eventually("a part is there") { try client.files("out").values.contains { $0.count > 12 << 20 } }
      process.signal(SIGKILL)
      _ = try await process.waitUntilEnded()
      try await proxy.heal()
      return (client, proxy)
    }

    @Test func aKilledDownloadIsGoneOnWith() async throws {
      let (client, proxy) = try await fixtureWithAKilledDownload()
      let before = proxy.passed(.toClient)
      let got = try await client.cairn("get", "f", "-o", client.path("out/f"))
      #expect(got.exitCode == 0, "\(got.output)")
      #expect(proxy.passed(.toClient) - before < Self.size - (12 << 20) + (1 << 20))
      #expect(try client.files("out") == ["f": bytes])
      try await proxy.close()
    }

    @Test func aPartThatIsDamagedOnDiskIsThrownAway() async throws {
      let (client, proxy) = try await fixtureWithAKilledDownload()
      let part = try #require(try client.files("out").first)
      var damaged = part.value
      damaged[1000] ^= 1
      try client.write("out/\(part.key)", damaged)
      let got = try await client.cairn("get", "f", "-o", client.path("out/f"))
      #expect(got.exitCode == 0, "\(got.output)")
      #expect(try client.files("out") == ["f": bytes])
      try await proxy.close()
    }
  }
}
