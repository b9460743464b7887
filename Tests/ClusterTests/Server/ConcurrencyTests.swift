import CairnTestSupport
import Foundation
import Testing

extension ServerSuite {
  /// Many clients at once.
  @Suite struct ConcurrencyTests {
    @Test func sixtyFourClientsAtOnceGetTheirOwnBytesBack() async throws {
      let server = try await CairnProcess.server()
      let curl = try server.curl()
      let folder = try TemporaryFolder("clients")
      try await withThrowingTaskGroup(of: Void.self) { group in
        for client in 0..<64 {
          group.addTask {
            let file = "\(folder.path)/\(client)"
            try RandomBytes.writeFile(
              file, count: client % 8 == 0 ? (9 << 20) + client : client * 1013, from: client * 7)
            let answer =
              client % 2 == 0
              ? try await curl("/blob/", "-T", file) : try await curl("/upload", "-F", "file=@\(file)")
            #expect(answer.status == 200 || answer.status == 201, "client \(client): \(answer.text)")
            let download = try await curl("/blob/\(client)")
            let same = download.body == FileManager.default.contents(atPath: file)
            #expect(same, "client \(client)")
          }
        }
        try await group.waitForAll()
      }
      #expect(try await curl.names().count == 64)
      try await server.stopInOrder()
    }

    @Test func writersOfOneNameLeaveOneOfTheirContents() async throws {
      let server = try await CairnProcess.server()
      let port = server.port
      try await withThrowingTaskGroup(of: Void.self) { group in
        for writer in 0..<16 {
          group.addTask {
            try await BlockingThreads.run {
              let client = try WireClient(port: port)
              for _ in 0..<20 {
                let put = try client.request(
                  "PUT", "/blob/one", body: RandomBytes.slice(from: writer * 4096, count: 4096))
                #expect(put.status == 200 || put.status == 201, "\(String(decoding: put.body, as: UTF8.self))")
                let get = try client.request("GET", "/blob/one")
                #expect(get.status == 200)
                // Whole, whoever wrote it.
                let first = get.body.first
                let whole = (0..<16).contains {
                  RandomBytes.slice(from: $0 * 4096, count: 4096).elementsEqual(get.body)
                }
                #expect(whole, "a mixture that starts with \(first ?? 0)")
              }
            }
          }
        }
        try await group.waitForAll()
      }
      #expect(try await server.curl().names() == ["one"])
    }
  }
}
