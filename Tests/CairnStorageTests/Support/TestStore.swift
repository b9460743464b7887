import CairnModel
import CairnStorage
import Logging
import NIOCore
import NIOPosix
import Synchronization

/// A store in a folder of its own, with a clock that stands still.
final class TestStore: Sendable {
  let folder: TemporaryFolder
  let disk = TestDisk()
  let clock = TestClock()
  let store: VolumeStore

  static let volume = VolumeID(rawValue: 0xA1)

  init(
    _ folder: TemporaryFolder? = nil, clock start: Timestamp? = nil,
    _ change: (inout StorageConfiguration) -> Void = { _ in }
  ) throws {
    self.folder = try folder ?? TemporaryFolder()
    if let start { clock.set(start) }
    var configuration = StorageConfiguration(path: self.folder.path, freeSpaceMin: 0)
    change(&configuration)
    store = try VolumeStore.open(
      configuration, threadPool: .singleton, logger: .quiet, operations: disk.operations, now: clock.now)
  }

  /// The store as it would be found after a crash now. This one goes on.
  func crashed(_ change: (inout StorageConfiguration) -> Void = { _ in }) throws -> TestStore {
    try TestStore(folder.copy(), clock: clock.now(), change)
  }

  /// Closes the store and opens it again.
  func reopened(_ change: (inout StorageConfiguration) -> Void = { _ in }) async throws -> TestStore {
    await store.close()
    return try TestStore(folder, clock: clock.now(), change)
  }
}

final class TestClock: Sendable {
  private let time = Mutex(Timestamp(clampingMillisecondsSinceEpoch: 1_800_000_000_000))

  var now: @Sendable () -> Timestamp { { [self] in time.withLock { $0 } } }

  func set(_ value: Timestamp) {
    time.withLock { $0 = value }
  }

  func advance(seconds: UInt64) {
    time.withLock { $0 = Timestamp(nanosecondsSinceEpoch: $0.nanosecondsSinceEpoch + seconds * 1_000_000_000) }
  }
}

extension Logger {
  static let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
}

extension EncodedRecord {
  /// A chunk whose bytes follow from `seed`.
  static func chunk(_ seed: UInt64, length: Int = 100, metadata: Int = 0) throws -> EncodedRecord {
    try EncodedRecord(
      Record(
        kind: .chunk, blob: BlobID(high: seed << 16, low: seed),
        timestamp: Timestamp(clampingMillisecondsSinceEpoch: 1),
        metadata: pattern(seed &+ 1, metadata), payload: pattern(seed, length)))
  }

  static func tombstone(
    _ seed: UInt64, garbage: [BlobLocation], at time: Timestamp = Timestamp(clampingMillisecondsSinceEpoch: 1)
  ) throws -> EncodedRecord {
    try EncodedRecord(
      Record(
        kind: .tombstone, blob: BlobID(high: seed << 16, low: .max), timestamp: time,
        metadata: Tombstone(garbage: garbage).metadata(), payload: ByteBuffer()))
  }

  func location(in volume: VolumeID = TestStore.volume) -> BlobLocation {
    BlobLocation(volume: volume, blob: header.blob)
  }

  /// Bytes that no other seed has: a short run of them again and again, since long ones take long to make.
  private static func pattern(_ seed: UInt64, _ length: Int) -> ByteBuffer {
    var run = ByteBuffer()
    var state = seed &* 0x9E37_79B9_7F4A_7C15 | 1
    for _ in 0..<64 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      run.writeInteger(state)
    }
    run.moveWriterIndex(to: run.writerIndex - 1)
    var buffer = ByteBuffer()
    while buffer.readableBytes < length { buffer.writeImmutableBuffer(run) }
    buffer.moveWriterIndex(to: length)
    return buffer
  }
}

extension VolumeStore {
  /// The payload of a blob, from memory or from the file.
  func payload(of location: BlobLocation) async throws -> ByteBuffer? {
    guard let blob = try await read(location) else { return nil }
    switch blob.payload {
    case .bytes(let bytes): return bytes
    case .file(let file): return try await file.read(0..<file.length)
    }
  }

  /// Appends records one after the other, to a volume that is made when it is missing.
  func fill(_ records: [EncodedRecord], of volume: VolumeID = TestStore.volume) async throws {
    try await createVolume(volume)
    for record in records { try await append(record, to: volume) }
  }

  /// Whether the volume gives a record back as it went in.
  func holds(_ record: EncodedRecord, in volume: VolumeID = TestStore.volume) async throws -> Bool {
    guard let blob = try await read(record.location(in: volume)), blob.header == record.header,
      blob.metadata == record.record.metadata
    else { return false }
    return try await payload(of: record.location(in: volume)) == record.payload
  }
}
