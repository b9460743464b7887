import CairnCatalog
import CairnModel
import CairnStorage
import CairnTestSupport
import Foundation
import NIOCore
import NIOPosix
import Testing

extension ClusterSuite {
  /// A power cut stopped an overwrite: one disk, that of the node with the lowest id, has its record, and nobody was told
  /// that it was stored.
  @Suite struct DividedReplicaTests {
    /// Appends the record of an overwrite to the volume on a node that has stopped.
    private func overwrite(_ key: String, on node: CairnProcess) async throws {
      let store = try VolumeStore.open(
        StorageConfiguration(path: node.storagePath, freeSpaceMin: 0), threadPool: .singleton,
        logger: StoredRecords.quiet)
      let bytes = ByteBuffer(string: "overwritten")
      let attributes = ObjectAttributes(
        size: UInt64(bytes.readableBytes), contentType: "text/plain", createdAt: .now(),
        md5: Digest([UInt8](repeating: 1, count: 16)), sha256: Digest([UInt8](repeating: 2, count: 32)), layout: .inline
      )
      let head = HeadRecord(name: ObjectName(key: try ObjectKey(key)), attributes: attributes, condition: .always)
      let record = Record(
        kind: .head, blob: BlobIDGenerator().next(), timestamp: .now(), metadata: head.metadata(), payload: bytes)
      let volume = try #require(store.volumes().first { $0.blobCount > 0 })
      try await store.append(try EncodedRecord(record), to: volume.id)
      await store.close()
    }

    @Test func anOverwriteThatReachedOneDiskIsOnAllDisksOrNowhere() async throws {
      let cluster = try await Cluster(nodes: 3, ["REPLICATION_FACTOR": "3", "MIN_REPLICAS": "2"])
      let curl = try cluster.curl()
      #expect(try await curl.put("file", "acknowledged").status == 201)
      // Else the coordinator would read all nodes when it is started again.
      let catalog = try RedisCatalog(
        configuration: RedisConfiguration(address: .host("127.0.0.1", port: cluster.redis.port)),
        eventLoopGroup: MultiThreadedEventLoopGroup.singleton, logger: StoredRecords.quiet)
      try await eventually("all nodes are known to be compared") { try await catalog.reconciledNodes().count == 3 }
      await catalog.close()
      var ids: [(id: String, node: CairnProcess)] = []
      for node in cluster.nodes { ids.append((try await cluster.id(of: node), node)) }
      let lowest = try #require(ids.min { $0.id < $1.id }).node
      try await cluster.coordinators[0].kill()
      for node in cluster.nodes { try await node.kill() }
      try await overwrite("file", on: lowest)
      for node in cluster.nodes { try await node.restart() }
      try await cluster.coordinators[0].restart()
      try await cluster.waitUntilActive(3)
      #expect(try await curl("/blob/file").text == "acknowledged")
      try await eventually("the volume that the crash left open is sealed", within: .seconds(30)) {
        cluster.coordinators[0].log.contains("replicas differ")
      }
      let differing = try await CairnProcess.run(["recover", "--verify"], cluster.settings)
      #expect(differing.exitCode == 1 && differing.output.contains("lacks records"), "\(differing.output)")

      #expect(try cluster.redis.command("FLUSHALL") == "+OK")
      try await eventually("recovered", within: .seconds(40)) {
        cluster.coordinators[0].log.contains("records that some replicas lacked are settled")
      }
      try await cluster.waitUntilActive(3)
      let same = try await CairnProcess.run(["recover", "--verify"], cluster.settings)
      #expect(same.exitCode == 0 && same.output.contains(" 0 differences"), "\(same.output)")
      // Whichever disk is lost now, the file is there.
      try await lowest.kill()
      try await cluster.waitUntilActive(2)
      try await eventually("the file is there") { try await curl("/blob/file").text == "overwritten" }
    }
  }
}
