import CairnTestSupport
import Foundation
import Testing

extension S3Suite {
  /// Several coordinators, which share nothing but Redis and the nodes.
  @Suite struct S3ClusterTests {
    private let open = ["ALLOW_ANONYMOUS": "1", "REPLICATION_FACTOR": "2"]

    private func s3(_ coordinator: CairnProcess) throws -> Curl {
      try Curl(port: #require(coordinator.s3Port, "\(coordinator.log)"), of: coordinator)
    }

    @Test func everyCoordinatorGivesTheSameAnswers() async throws {
      let key = PrintedKey(id: "boto3", secret: "correct/horse+battery")
      let cluster = try await Cluster(coordinators: 2, key.settings.merging(["REPLICATION_FACTOR": "2"]) { $1 })
      let ports = try cluster.coordinators.map { String(try #require($0.s3Port)) }.joined(separator: ",")
      try await S3Clients.run("boto3_cases.py", [ports, "\(cluster.coordinators[0].port)"], key: key)
    }

    /// Buckets are records on the nodes as objects are.
    @Test func bucketsAndObjectsOutliveRedis() async throws {
      let cluster = try await Cluster(coordinators: 1, open)
      let curl = try s3(cluster.coordinators[0])
      #expect(try await curl("/photos", "-X", "PUT", "-H", "x-amz-acl: public-read").status == 200)
      let large = cluster.coordinators[0].folder.path + "/large"
      try RandomBytes.writeFile(large, count: 20 << 20, from: 1)
      #expect(
        try await curl("/photos/a/large", "--upload-file", large, "-H", "x-amz-meta-colour: blue").status == 200)
      try await cluster.coordinators[0].stopInOrder()
      #expect(try cluster.redis.command("FLUSHALL") == "+OK")
      let recovered = try await CairnProcess.run(["recover"], cluster.settings)
      #expect(recovered.exitCode == 0, "\(recovered.output)")
      try await cluster.coordinators[0].restart()
      try await eventually("ready") { try await cluster.curl()("/ready").status == 200 }
      let again = try s3(cluster.coordinators[0])
      #expect(try await again("/").text.contains("<Name>photos</Name>"))
      #expect(try await again("/photos?acl").text.contains("AllUsers"))
      let answer = try await again("/photos/a/large")
      #expect(answer.headers["x-amz-meta-colour"] == "blue")
      expectSame(answer.body, FileManager.default.contents(atPath: large))
    }

    /// Chunks of S3's objects are no orphans, however old they are.
    @Test func sweepingLeavesObjectsOfEveryBucket() async throws {
      let cluster = try await Cluster(coordinators: 1, open.merging(["ORPHAN_AGE": "3"]) { $1 })
      let curl = try s3(cluster.coordinators[0])
      let large = cluster.coordinators[0].folder.path + "/large"
      try RandomBytes.writeFile(large, count: 20 << 20, from: 1)
      #expect(try await curl("/photos", "-X", "PUT").status == 200)
      #expect(try await curl("/photos/large", "--upload-file", large).status == 200)
      #expect(try await curl("/default/large", "--upload-file", large).status == 200)
      let last = ContinuousClock.now
      try await eventually("everything is older than ORPHAN_AGE") { ContinuousClock.now - last > .seconds(4.5) }
      let answer = try await cluster.curl()("/gc", "-X", "POST")
      #expect(answer.status == 200 && answer.json["count"] as? Int == 0, "\(answer.text)")
      for path in ["/photos/large", "/default/large"] {
        expectSame(try await curl(path).body, FileManager.default.contents(atPath: large))
      }
      #expect(try await curl("/").text.contains("<Name>photos</Name>"))
    }
  }
}
