internal import CairnModel
internal import CairnNodeClient

/// Compares the replicas of each volume with each other, and changes nothing.
struct ReplicaComparison: Sendable {
  /// Between two looks at a volume whose replicas differ: what clients write meanwhile reaches all of them.
  private static let pause: Duration = .seconds(1)

  private struct Findings {
    var missing: [NodeID: Set<BlobID>] = [:]
    var contradicting: Set<BlobID> = []

    var isEmpty: Bool { contradicting.isEmpty && missing.values.allSatisfy(\.isEmpty) }

    /// What was found both times.
    func intersection(_ other: Findings) -> Findings {
      Findings(
        missing: missing.merging(other.missing) { $0.intersection($1) },
        contradicting: contradicting.intersection(other.contradicting))
    }
  }

  let sources: [any ReplicaSurvey.Source]

  /// - Parameters:
  ///   - isGarbage: nodes are told of garbage one by one, so replicas may differ by it.
  ///   - report: is told of each difference.
  /// - Returns: the volumes that could not be compared, and why.
  func run(
    _ readings: [VolumeID: ReplicaReading], isGarbage: (BlobLocation) -> Bool, _ report: (ReplicaDifference) -> Void
  ) async -> [VolumeID: String] {
    var failures: [VolumeID: String] = [:]
    for (volume, reading) in readings.sorted(by: { $0.key < $1.key }) where reading.isDivided {
      do throws(NodeError) {
        var findings = try await compare(volume, reading, isGarbage)
        if !findings.isEmpty {
          try? await Task.sleep(for: Self.pause)
          findings = findings.intersection(try await compare(volume, reading, isGarbage))
        }
        for (node, missing) in findings.missing.sorted(by: { $0.key < $1.key }) where !missing.isEmpty {
          report(.recordsMissing(volume, node, count: missing.count))
        }
        if !findings.contradicting.isEmpty {
          report(.recordsContradict(volume, count: findings.contradicting.count))
        }
      } catch {
        failures[volume] = "\(error)"
      }
    }
    return failures
  }

  private func compare(
    _ volume: VolumeID, _ reading: ReplicaReading, _ isGarbage: (BlobLocation) -> Bool
  ) async throws(NodeError) -> Findings {
    var all: [BlobID: ReplicaBlob] = [:]
    var held: [NodeID: Set<BlobID>] = [:]
    var findings = Findings()
    for node in sources where reading.groups.joined().contains(node.id) {
      let blobs = try await node.blobs(in: volume)
      for blob in blobs where all.updateValue(blob, forKey: blob.blob).map({ $0 != blob }) ?? false {
        findings.contradicting.insert(blob.blob)
      }
      held[node.id] = Set(blobs.map(\.blob))
    }
    let counting = all.keys.filter { !isGarbage(BlobLocation(volume: volume, blob: $0)) }
    for (node, held) in held where reading.complete.contains(node) {
      findings.missing[node] = Set(counting.filter { !held.contains($0) })
    }
    return findings
  }
}
