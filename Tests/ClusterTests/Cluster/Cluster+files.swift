import CairnTestSupport
import Foundation
import Testing

/// Files that the first coordinator took.
typealias StoredFiles = [(name: String, content: Content)]

extension Cluster {
  /// Uploads files of random sizes.
  func upload(_ count: Int) async throws -> StoredFiles {
    var random = SeededRandom(seed: 11)
    return try await upload((0..<count).map { _ in Content.random(using: &random) })
  }

  /// Uploads `count` files of `size` bytes each.
  func upload(_ count: Int, of size: Int) async throws -> StoredFiles {
    try await upload((0..<count).map { Content(offset: $0 * 4099, count: size) })
  }

  private func upload(_ contents: [Content]) async throws -> StoredFiles {
    let port = coordinators[0].port
    return try await BlockingThreads.run {
      let connection = try WireClient(port: port)
      return try contents.enumerated().map { index, content in
        let answer = try connection.request("PUT", "/blob/file-\(index)", body: content.bytes)
        #expect(answer.status == 201)
        return ("file-\(index)", content)
      }
    }
  }

  func expectAll(_ stored: StoredFiles, from coordinator: Int = 0) async throws {
    let port = coordinators[coordinator].port
    try await BlockingThreads.run {
      let connection = try WireClient(port: port)
      for (name, content) in stored {
        let answer = try connection.request("GET", "/blob/\(name)")
        let isSame = content.isSame(as: answer.body)
        #expect(answer.status == 200 && isSame, "\(name): status \(answer.status)")
      }
    }
  }

  /// Waits until every file says that all its replicas are there.
  func waitUntilComplete(_ stored: StoredFiles, from coordinator: Int = 0) async throws {
    let curl = try curl(coordinator)
    for (name, _) in stored {
      try await eventually("\(name) is complete", within: .seconds(60)) {
        try await curl("/blob/\(name)/status").json["status"] as? String == "completed"
      }
    }
  }

  /// The node that has the most of these files, and how many bytes of theirs it has.
  func fullestNode(_ stored: StoredFiles) async throws -> (node: CairnProcess, bytes: Int) {
    let curl = try curl()
    var bytes: [String: Int] = [:]
    for (name, content) in stored {
      let holders = try await curl("/blob/\(name)/status").json["successful_nodes"] as? [String]
      for holder in holders ?? [] { bytes[holder, default: 0] += content.count }
    }
    var fullest: (node: CairnProcess, bytes: Int) = (nodes[0], 0)
    for node in nodes {
      let held = bytes[try await id(of: node)] ?? 0
      if held > fullest.bytes { fullest = (node, held) }
    }
    return fullest
  }

  /// Pieces of repair work that a worker is at, by the ports of the workers' processes.
  func runningRepairs(_ coordinator: Int = 0) async throws -> [Int] {
    let repair = try await curl(coordinator)("/status").json["repair"] as? [String: Any]
    let tasks = repair?["tasks"] as? [[String: Any]] ?? []
    return tasks.compactMap { task in
      guard task["state"] as? String == "running", task["kind"] as? String == "replicate" else { return nil }
      // HOST:PORT-SLOT
      let name = (task["worker"] as? String)?.split(separator: ":").last?.split(separator: "-").first
      return name.flatMap { Int($0) }
    }
  }
}
