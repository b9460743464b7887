import CairnModel
import CairnNodeClient
import CairnStorage
import NIOCore
import Synchronization
import Testing

/// What a `RecordLog` handed over.
private final class RecordCollector: Sendable {
  private let state = Mutex<[EncodedRecord]>([])

  var records: [EncodedRecord] { state.withLock { $0 } }

  func add(_ records: [EncodedRecord]) {
    state.withLock { $0 += records }
  }
}

extension NodeFixture {
  /// The records of a volume as the node hands them over, and where a later reading goes on.
  fileprivate func records(
    in volume: VolumeID, from origin: RecordOrigin = .offset(0), headsAndTombstonesOnly: Bool = false
  ) async throws -> (records: [EncodedRecord], end: UInt64) {
    let collector = RecordCollector()
    let end = try await node.records(in: volume, from: origin, headsAndTombstonesOnly: headsAndTombstonesOnly) {
      collector.add($0)
    }
    return (collector.records, end)
  }

  fileprivate func append(_ records: [EncodedRecord], to volume: VolumeID) async throws {
    try await node.createVolume(volume)
    for record in records { try await node.append(record, to: volume) }
  }

  fileprivate func record(
    _ kind: Record.Kind, _ payload: ByteBuffer, metadata: ByteBuffer = ByteBuffer(),
    blob: BlobID = BlobIDGenerator().next()
  ) throws -> EncodedRecord {
    try EncodedRecord(
      Record(kind: kind, blob: blob, timestamp: .now(), metadata: metadata, payload: payload))
  }
}

@Suite struct ReplicaContractTests {
  @Test(arguments: Transport.allCases)
  func everyReplicaIsListed(transport: Transport) async throws {
    try await NodeFixture.with(transport) { fixture in
      #expect(try await fixture.node.volumes() == [])
      let ids = (1...40).map { VolumeID(rawValue: $0) }
      for id in ids { try await fixture.node.createVolume(id) }
      let record = try fixture.record(ByteBuffer(string: "x"))
      try await fixture.node.append(record, to: ids[3])
      try await fixture.node.seal(ids[7])
      let replicas = try await fixture.node.volumes()
      #expect(replicas.map(\.id) == ids)
      #expect(replicas == fixture.store.replicas())
      #expect(replicas[3].blobCount == 1)
      #expect(replicas[3].liveBytes == UInt64(record.header.paddedLength))
      #expect(replicas.filter { $0.state == .sealed }.map(\.id) == [ids[7]])
      #expect(try await fixture.node.sealedVolumes() == [ids[7]])
      #expect(try await fixture.node.ends()[ids[3]] == replicas[3].logBytes)
    }
  }

  @Test(arguments: Transport.allCases)
  func recordsComeInLogOrder(transport: Transport) async throws {
    try await NodeFixture.with(transport) { fixture in
      let volume = VolumeID.make()
      let kinds: [Record.Kind] = [.chunk, .head, .chunk, .tombstone, .head]
      let records = try kinds.enumerated().map { index, kind in
        try fixture.record(
          kind, ByteBuffer(repeating: UInt8(index), count: kind == .tombstone ? 0 : index * 300_001),
          metadata: ByteBuffer(string: "m\(index)"), blob: BlobID(high: UInt64(1000 + index) << 16, low: 1))
      }
      try await fixture.append(Array(records[..<3]), to: volume)
      let middle = try #require(try await fixture.node.ends()[volume])
      try await fixture.append(Array(records[3...]), to: volume)

      let all = try await fixture.records(in: volume)
      #expect(all.records.map(\.record) == records.map(\.record))
      let ends = try await fixture.node.ends()
      #expect(all.end == ends[volume])
      let tail = try await fixture.records(in: volume, from: .offset(middle))
      #expect(tail.records.map(\.header) == records[3...].map(\.header))
      let names = try await fixture.records(in: volume, headsAndTombstonesOnly: true)
      #expect(names.records.map(\.record) == [records[1], records[3], records[4]].map(\.record))
      #expect(names.end == all.end)
      let time = Timestamp(clampingMillisecondsSinceEpoch: records[3].header.blob.millisecondsSinceEpoch)
      let young = try await fixture.records(in: volume, from: .time(time))
      #expect(young.records.map(\.header) == records[3...].map(\.header))
      let later = Timestamp(clampingMillisecondsSinceEpoch: records[4].header.blob.millisecondsSinceEpoch + 1)
      #expect(try await fixture.records(in: volume, from: .time(later)).records.isEmpty)
      let nothing = try await fixture.records(in: volume, from: .offset(all.end))
      #expect(nothing.records.isEmpty)
      #expect(nothing.end == all.end)
    }
  }

  @Test(arguments: Transport.allCases)
  func manyRecordsComeInBatches(transport: Transport) async throws {
    try await NodeFixture.with(transport) { fixture in
      let volume = VolumeID.make()
      try await fixture.node.createVolume(volume)
      let ids = BlobIDGenerator()
      let records = try (0..<40).map { index in
        try fixture.record(ByteBuffer(repeating: UInt8(index), count: 1 << 20), id: ids.next())
      }
      try await withThrowingTaskGroup(of: Void.self) { group in
        for record in records { group.addTask { try await fixture.store.append(record, to: volume) } }
        try await group.waitForAll()
      }
      let largest = Mutex(0)
      let count = Mutex(0)
      try await fixture.node.records(in: volume, from: .offset(0), headsAndTombstonesOnly: false) { batch in
        count.withLock { $0 += batch.count }
        largest.withLock { $0 = max($0, batch.count) }
      }
      #expect(count.withLock { $0 } == 40)
      #expect(largest.withLock { $0 } <= 5, "a batch holds about 4 MiB")
    }
  }

  @Test(arguments: Transport.allCases)
  func whatTheBodyThrowsEndsTheReading(transport: Transport) async throws {
    struct Enough: Error {}
    try await NodeFixture.with(transport) { fixture in
      let volume = VolumeID.make()
      try await fixture.append([try fixture.record(ByteBuffer(string: "x"))], to: volume)
      await #expect(throws: Enough.self) {
        try await fixture.node.records(in: volume, from: .offset(0), headsAndTombstonesOnly: false) { _ in
          throw Enough()
        }
      }
      #expect(try await fixture.records(in: volume).records.count == 1)
    }
  }

  @Test(arguments: Transport.allCases)
  func aWholeRecordIsRead(transport: Transport) async throws {
    try await NodeFixture.with(transport) { fixture in
      let volume = VolumeID.make()
      let record = try fixture.record(
        .head, ByteBuffer(repeating: 7, count: 700_000), metadata: ByteBuffer(string: "metadata"))
      try await fixture.append([record], to: volume)
      let location = BlobLocation(volume: volume, blob: record.header.blob)
      #expect(try await fixture.node.record(location).record == record.record)
      #expect(
        await refusal { () throws(NodeError) in
          _ = try await fixture.node.record(BlobLocation(volume: volume, blob: BlobID(high: 1, low: 1)))
        } == .blobUnknown)
      #expect(
        await refusal { () throws(NodeError) in
          _ = try await fixture.node.record(
            BlobLocation(volume: VolumeID(rawValue: 1), blob: record.header.blob))
        } == .volumeUnknown)
    }
  }
}

extension ReplicaContractTests {
  @Test(arguments: Transport.allCases)
  func aDroppedReplicaIsUnknown(transport: Transport) async throws {
    try await NodeFixture.with(transport) { fixture in
      let volume = VolumeID.make()
      let record = try fixture.record(ByteBuffer(string: "x"))
      try await fixture.append([record], to: volume)
      try await fixture.node.seal(volume)
      for _ in 0..<2 { try await fixture.node.drop(volume) }
      #expect(try await fixture.node.volumes() == [])
      let location = BlobLocation(volume: volume, blob: record.header.blob)
      #expect(
        await refusal { () throws(NodeError) in
          _ = try await fixture.node.read(location, expecting: .chunk, range: nil)
        } == .volumeUnknown)
      #expect(
        await refusal { () throws(NodeError) in try await fixture.node.append(record, to: volume) } == .volumeUnknown)
      try await fixture.append([record], to: volume)
      #expect(try await fixture.node.record(location).record == record.record)
    }
  }

  /// The words of the storage engine come to whoever asked, however the node is reached.
  @Test(arguments: Transport.allCases)
  func aRefusalIsToldInPlainWords(transport: Transport) async throws {
    try await NodeFixture.with(transport) { fixture in
      let unknown = VolumeID(rawValue: 0xAB)
      let error = await #expect(throws: NodeError.self) { try await fixture.node.seal(unknown) }
      let expected = "node \(fixture.node.id) refused (volume-unknown): volume \(unknown) is not on this node"
      #expect(error?.description == expected)
    }
  }
}

/// Why a node refused; nil when it did not.
func refusal(_ body: () async throws(NodeError) -> Void) async -> NodeRefusal? {
  do throws(NodeError) {
    try await body()
    return nil
  } catch {
    if case .refused(_, let refusal, _) = error { return refusal }
    return nil
  }
}
