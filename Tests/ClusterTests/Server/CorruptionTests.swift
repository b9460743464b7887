import CairnTestSupport
import Foundation
import Testing

extension ServerSuite {
  /// Corruption is found, not served (invariant 8).
  @Suite struct CorruptionTests {
    /// In a head record read into memory, in one that is sent from the file, and in a chunk.
    @Test(arguments: [1000, 1 << 20, 20 << 20]) func aFlippedByteIsNeverServed(length: Int) async throws {
      let server = try await CairnProcess.server()
      let file = server.folder.path + "/file"
      try RandomBytes.writeFile(file, count: length, from: 99)
      #expect(try await server.curl()("/blob/damaged", "-T", file).status == 201)
      #expect(try await server.curl().put("whole", "whole").status == 201)
      try await server.stopInOrder()
      try server.flipByte(in: Data(RandomBytes.slice(from: 99, count: length)), at: length / 2)
      try await server.restart()
      let curl = try server.curl()
      let answer = try await curl("/blob/damaged")
      let isRefused = answer.status == 500 && answer.detail != nil
      let isCutShort = answer.status == 200 && answer.exitCode != 0 && answer.body.count < length
      #expect(
        isRefused || isCutShort, "status \(answer.status), \(answer.body.count) bytes, curl says \(answer.exitCode)")
      if answer.status == 200 {
        let bytes = try #require(FileManager.default.contents(atPath: file))
        expectSame(answer.body, bytes.prefix(answer.body.count), "what came before the damage")
      }
      // Nothing else is touched by it, and the name can be written again.
      #expect(try await curl("/blob/whole").text == "whole")
      #expect(try await curl("/blob/damaged", "-T", file).status == 200)
      expectSame(try await curl("/blob/damaged").body, FileManager.default.contents(atPath: file))
    }
  }
}
