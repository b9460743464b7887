package import CairnModel
internal import CairnStorage
internal import Dispatch
internal import Synchronization

/// The records of a node's volumes, in the order in which they were written.
package protocol RecordLog: Sendable {
  /// Where the durable part of each volume's log ends, in bytes.
  func ends() -> [VolumeID: UInt64]

  /// The volumes that take no more appends.
  func sealedVolumes() -> Set<VolumeID>

  /// Hands over the intact records of a volume from `offset` on, batch by batch; reads on when `body` has returned.
  func records(
    in volume: VolumeID, from offset: UInt64, _ body: @escaping @Sendable ([EncodedRecord]) async throws -> Void
  ) async throws
}

extension LocalNode: RecordLog {
  package func ends() -> [VolumeID: UInt64] {
    Dictionary(store.volumes().map { ($0.id, $0.durableEnd) }, uniquingKeysWith: max)
  }

  package func sealedVolumes() -> Set<VolumeID> {
    Set(store.volumes().filter { $0.state == .sealed }.map(\.id))
  }

  package func records(
    in volume: VolumeID, from offset: UInt64, _ body: @escaping @Sendable ([EncodedRecord]) async throws -> Void
  ) async throws {
    let batch = Mutex(RecordBatch())
    _ = try await store.scan(volume, from: offset) { _, record in
      guard let full = batch.withLock({ $0.add(record) }) else { return }
      try waitFor { try await body(full) }
    }
    let rest = batch.withLock { $0.take() }
    if !rest.isEmpty { try await body(rest) }
  }
}

/// Records that are handed over together.
private struct RecordBatch {
  private static let countMax = 4096
  private static let bytesMax = 16 << 20

  private var records: [EncodedRecord] = []
  private var bytes = 0

  /// Returns the batch when it is full.
  mutating func add(_ record: EncodedRecord) -> [EncodedRecord]? {
    records.append(record)
    bytes += record.header.length
    return records.count >= Self.countMax || bytes >= Self.bytesMax ? take() : nil
  }

  mutating func take() -> [EncodedRecord] {
    defer { self = RecordBatch() }
    return records
  }
}

/// Holds the scanning thread up until the batch is used: what it read ahead would only fill memory.
private func waitFor(_ body: @escaping @Sendable () async throws -> Void) throws {
  let done = DispatchSemaphore(value: 0)
  let outcome = Mutex<Result<Void, any Error>>(.success(()))
  Task {
    do { try await body() } catch { outcome.withLock { $0 = .failure(error) } }
    done.signal()
  }
  done.wait()
  try outcome.withLock { try $0.get() }
}
