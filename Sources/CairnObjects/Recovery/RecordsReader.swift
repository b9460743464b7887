internal import CairnCatalog
internal import CairnModel
internal import CairnNodeClient
internal import Logging

/// Reads the records of whole volumes, each from whichever replica gives them.
struct RecordsReader: Sendable {
  /// Volumes whose records are read at the same time.
  private static let concurrencyMax = 4

  let sources: [any ReplicaSurvey.Source]
  let logger: Logger
  /// Where the reading of each volume begins.
  var origin = RecordOrigin.offset(0)

  /// Hands over the records of one complete replica of each volume, of the next one where one breaks off.
  ///
  /// - Parameter finished: is called once for each volume.
  /// - Returns: the volumes that could not be read to their ends, and why.
  /// - Throws: ``CatalogError`` of `body`.
  func read(
    _ volumes: [VolumeID], of survey: ReplicaSurvey,
    _ body: @escaping @Sendable (VolumeID, [EncodedRecord]) async throws -> Void,
    finished: @escaping @Sendable () -> Void
  ) async throws -> [VolumeID: String] {
    let nodes = Dictionary(sources.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
    let failures = await withTaskGroup(of: (VolumeID, (any Error)?).self) { group in
      var failures: [VolumeID: any Error] = [:]
      for (index, volume) in volumes.enumerated() {
        if index >= Self.concurrencyMax, let (volume, error) = await group.next() { failures[volume] = error }
        let complete = survey.completeReplicas(of: volume).compactMap { id in nodes[id].map { ($0, id) } }
        group.addTask {
          defer { finished() }
          var last: (any Error)?
          for (node, id) in complete {
            do {
              try await node.records(in: volume, from: origin, headsAndTombstonesOnly: true) {
                try await body(volume, $0)
              }
              last = nil
              // What is damaged here may be whole on the next one.
              if survey.replicas[volume]?[id]?.damagedCount == 0 { break }
            } catch let error as CatalogError {
              return (volume, error)
            } catch {
              last = error
              logger.warning("replica not read", metadata: ["volume": "\(volume)", "error": "\(error)"])
            }
          }
          return (volume, last)
        }
      }
      for await (volume, error) in group { failures[volume] = error }
      return failures
    }
    // A node that fails concerns its volumes; a catalog that fails, everything.
    for case let error as CatalogError in failures.values { throw error }
    try Task.checkCancellation()
    return failures.mapValues { "\($0)" }
  }
}
