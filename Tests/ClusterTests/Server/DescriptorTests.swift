import CairnTestSupport
import Foundation
import Testing

extension ServerSuite {
  /// Clients use up what the system lets a process open.
  @Suite struct DescriptorTests {
    @Test func idleConnectionsLeaveRoomForVolumesAndAnswers() async throws {
      let server = try await CairnProcess(
        .server, ["VOLUME_SIZE": "32M"], launcher: ["prlimit", "--nofile=256:256"])
      #expect(server.log.contains("MAX_CONNECTIONS is lowered"), "\(server.log)")
      let client = try WireClient(port: server.port)
      let idle = try (0..<400).map { _ in try WireClient(port: server.port) }
      // A client too many is told so, or finds that another one has left.
      let answer = try WireClient(port: server.port).request("GET", "/health")
      #expect(answer.status == 503)
      #expect(answer.headers["retry-after"] != nil)
      // Several volumes are opened for these.
      let body = [UInt8](repeating: 7, count: 6 << 20)
      for number in 0..<12 {
        #expect(try client.request("PUT", "/blob/\(number)", body: body[...]).status == 201)
      }
      for number in 0..<12 { #expect(try client.request("GET", "/blob/\(number)").body.count == body.count) }
      #expect(!server.log.contains("cannot accept connections"))
      withExtendedLifetime(idle) {}
    }

    @Test func acceptingIsPausedWithoutDescriptorsAndResumed() async throws {
      let server = try await CairnProcess.server()
      #expect(try await server.curl()("/health").status == 200)
      // No descriptor is left for a connection from now on.
      let limit = ["--pid", "\(server.pid)"]
      #expect(try await ShortProcess.run("prlimit", limit + ["--nofile=3:20000"]).exitCode == 0)
      let clients = try (0..<5).map { _ in try WireClient(port: server.port) }
      try await eventually("the log says so") { server.log.contains("cannot accept connections") }
      let before = try processorTicks(of: server.pid)
      try await Task.sleep(for: .seconds(2))
      // A poller that spins takes about 200 of them.
      #expect(try processorTicks(of: server.pid) - before < 40)
      #expect(server.log.components(separatedBy: "cannot accept connections").count == 2)
      #expect(try await ShortProcess.run("prlimit", limit + ["--nofile=1024:20000"]).exitCode == 0)
      for client in clients { #expect(try client.request("GET", "/health").status == 200) }
      try await server.stopInOrder()
    }

    /// What it has used of the processors, in hundredths of a second.
    private func processorTicks(of pid: Int32) throws -> Int {
      let status = try String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8)
      let fields = try #require(status.split(separator: ")").last).split(separator: " ")
      return try [11, 12].reduce(0) { try $0 + #require(Int(fields[$1])) }
    }
  }
}
