internal import CairnModel
internal import CairnNodeClient
internal import Logging

/// Takes records of a volume from replicas that have them to one that lacks them.
struct RecordTransfer: Sendable {
  let volume: VolumeID
  let limit: BandwidthLimit
  let logger: Logger
  /// Decides about head records; nil where all are copied.
  var judge: HeadJudge?
  /// All replicas of the volume take part: only then is a head record refused that some of them lack.
  var isComplete = false
  /// A head record that can be neither copied nor refused yet is an error, because its last replica would be deleted.
  var mustDecide = false

  /// Gives `target` records that it lacks or has damaged, each from the first of `sources` that has it intact.
  ///
  /// - Returns: how many none of them has.
  /// - Throws: also where a source that may have such a record doesn't answer.
  func give(
    _ blobs: [BlobID], from sources: [any StorageNode], to target: any StorageNode
  ) async throws -> Int {
    var missing = 0
    for blob in blobs {
      guard let record = try await intactRecord(BlobLocation(volume: volume, blob: blob), on: sources) else {
        missing += 1
        continue
      }
      guard try await mayCopy(record, sources + [target]) else { continue }
      try await limit.take(record.header.paddedLength)
      try await target.restore(record, to: volume)
      logger.info(
        "record restored", metadata: ["volume": "\(volume)", "blob": "\(blob)", "node": "\(target.id)"])
    }
    return missing
  }

  /// - Parameter replicas: take note where the record is refused.
  private func mayCopy(_ record: EncodedRecord, _ replicas: [any StorageNode]) async throws -> Bool {
    guard let judge else { return true }
    let location = BlobLocation(volume: volume, blob: record.header.blob)
    switch try await judge.verdict(on: record) {
    case .copy: return true
    case .refuse where isComplete:
      let tombstone = try judge.refusal(of: location)
      for replica in replicas { try await replica.restore(tombstone, to: volume) }
      logger.notice("head record refused that was never committed", metadata: ["location": "\(location)"])
    case .refuse where mustDecide, .wait where mustDecide: throw RepairError.undecided(location)
    case .refuse, .wait:
      logger.info("head record left on some replicas", metadata: ["location": "\(location)"])
    }
    return false
  }

  /// nil where it is damaged or missing on all of them.
  private func intactRecord(
    _ location: BlobLocation, on sources: [any StorageNode]
  ) async throws(NodeError) -> EncodedRecord? {
    var failure: NodeError?
    for source in sources {
      do throws(NodeError) {
        return try await source.record(location)
      } catch {
        switch error {
        case .refused(_, .corrupt, _), .refused(_, .blobUnknown, _), .refused(_, .volumeUnknown, _): continue
        case .refused, .unreachable, .cancelled: failure = error
        }
      }
    }
    if let failure { throw failure }
    return nil
  }
}
