import CairnTestSupport
import Foundation
import Testing

extension ClusterSuite {
  /// What clients of other servers are told while something is away.
  @Suite struct CompatibilityOutageTests {
    /// A large file, whose chunks have volumes of their own, and a small one.
    @Test(arguments: [20, 20 << 20]) func aFileWhoseNodesAreAwayIsToldAsSuch(length: Int) async throws {
      let cluster = try await Cluster(nodes: 1)
      let curl = try cluster.curl()
      let file = cluster.nodes[0].folder.path + "/file"
      try RandomBytes.writeFile(file, count: length)
      #expect(try await curl("/blob/kept.bin", "-T", file).status == 201)
      try await cluster.nodes[0].kill()
      let download = try await curl("/download?filename=kept.bin")
      #expect(download.status == 500)
      #expect(download.json["message"] as? String == "No healthy SN containing kept.bin found!")
      let get = try await curl("/file/kept.bin")
      #expect(get.status == 503)
      #expect(get.json["errorCode"] as? Int == 4)
      #expect(get.json["data"] as? String == "File unavailable")
      #expect(try await curl("/retrieve/kept.bin").status == 503)
      #expect(try await curl("/blob/kept.bin").status == 503)
    }

    @Test func uploadsWithoutANodeAreRefusedInTheirOwnForm() async throws {
      let cluster = try await Cluster(nodes: 0)
      let curl = try cluster.curl()
      let post = try await curl("/file", "-d", "filename=a&file=AAAA")
      #expect(post.status == 503)
      #expect(post.json["errorCode"] as? Int == 1)
      #expect(post.json["data"] as? String == "Servers unavailable")
      let put = try await curl(
        "/upload", "-F", "input_file=x;filename=a", "-F", "file_hash=9dd4e461268c8034f5c8564e155c67a6")
      #expect(put.status == 503)
      #expect(put.json["message"] as? String == "No storage nodes available")
      let store = try await curl("/store", "-d", "{\"key\":\"a\",\"value\":\"b\"}")
      #expect(store.status == 503)
      #expect(store.detail == "No storage nodes available")
    }
  }
}
