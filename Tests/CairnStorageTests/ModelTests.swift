import CairnModel
import CairnStorage
import Foundation
import Testing

/// Random operations on a store, compared with what a dictionary says. `CAIRN_TEST_SEED` repeats a run.
@Suite struct ModelTests {
  private struct Model {
    var records: [BlobLocation: EncodedRecord] = [:]
    var sealed: Set<VolumeID> = []
    var volumes: [VolumeID] = []
    /// Garbage, and when it was named.
    var garbage: [BlobLocation: Timestamp] = [:]
  }

  private static let grace: UInt64 = 50

  private static let change: @Sendable (inout StorageConfiguration) -> Void = { configuration in
    configuration.garbageGrace = .seconds(Int64(grace))
    configuration.volumeSizeMax = 200_000
    configuration.snapshotTailMax = 20_000
    configuration.bufferedReadMax = 20_000
    configuration.directoryEntriesMax = 8
    configuration.descriptorsMax = 3
    configuration.compactionThreshold = 0.3
  }

  @Test func storeBehavesAsTheModelSays() async throws {
    let given = ProcessInfo.processInfo.environment["CAIRN_TEST_SEED"].flatMap { UInt64($0) }
    for round in 0..<UInt64(given == nil ? 6 : 1) {
      let seed = given ?? UInt64.random(in: 0 ... .max)
      print("storage model: CAIRN_TEST_SEED=\(seed), round \(round)")
      var random = SeededGenerator(state: seed)
      try await run(&random, seed)
    }
  }

  private func run(_ random: inout SeededGenerator, _ seed: UInt64) async throws {
    var test = try TestStore(nil, Self.change)
    var model = Model()
    var next: UInt64 = 1
    for step in 0..<300 {
      let volume = model.volumes.randomElement(using: &random)
      switch (Int.random(in: 0..<100, using: &random), volume) {
      case (0..<4, _), (_, nil):
        let id = VolumeID(rawValue: .random(in: 0..<1000, using: &random))
        try await test.store.createVolume(id)
        if !model.volumes.contains(id) { model.volumes.append(id) }
      case (4..<55, let volume?):
        let length = [0, 10, 500, 3000, 30_000].randomElement(using: &random) ?? 0
        let record = try EncodedRecord.chunk(next, length: length, metadata: Int(next % 50))
        next += 1
        try await append(record, to: volume, of: test, &model)
      case (55..<75, let volume?):
        var candidates: [BlobLocation] = []
        for location in model.records.keys.sorted(by: precedes) where model.garbage[location] == nil {
          guard model.records[location]?.header.kind == .chunk else { continue }
          if Int.random(in: 0..<3, using: &random) == 0 { candidates.append(location) }
        }
        let tombstone = try EncodedRecord.tombstone(next, garbage: candidates, at: test.clock.now())
        next += 1
        if try await append(tombstone, to: volume, of: test, &model) {
          for location in candidates { model.garbage[location] = test.clock.now() }
        }
      case (75..<80, let volume?):
        try await test.store.seal(volume)
        model.sealed.insert(volume)
      case (80..<86, _): await test.store.maintain()
      case (86..<90, _): await test.store.compact()
      case (90..<94, _): test.clock.advance(seconds: .random(in: 1...40, using: &random))
      case (94..<97, _):
        let crashed = try test.crashed(Self.change)
        await test.store.close()
        test = crashed
      default: test = try await test.reopened(Self.change)
      }
      if step % 20 == 0 { try await compare(test, model, "seed \(seed), step \(step)") }
    }
    test = try await test.reopened(Self.change)
    try await compare(test, model, "seed \(seed), at the end")
    await test.store.close()
  }

  @discardableResult
  private func append(
    _ record: EncodedRecord, to volume: VolumeID, of test: TestStore, _ model: inout Model
  ) async throws -> Bool {
    do throws(StorageError) {
      try await test.store.append(record, to: volume)
      #expect(!model.sealed.contains(volume))
      model.records[record.location(in: volume)] = record
      return true
    } catch {
      switch error {
      case .volumeSealed(volume): #expect(model.sealed.contains(volume))
      case .volumeFull(volume): break
      default: throw error
      }
      return false
    }
  }

  private func compare(_ test: TestStore, _ model: Model, _ comment: Comment) async throws {
    await test.store.maintain()
    let now = test.clock.now().secondsSinceEpoch
    for (location, record) in model.records {
      let isThere = try await test.store.read(location) != nil
      let age = model.garbage[location].map { now - $0.secondsSinceEpoch }
      switch age {
      case nil, .some(..<Self.grace):
        let isWhole = try await test.store.holds(record, in: location.volume)
        #expect(isThere && isWhole, comment)
      case .some((Self.grace + 3)...): #expect(!isThere, comment)
      default: break
      }
    }
    #expect(test.store.volumes().map(\.id) == model.volumes.sorted(), comment)
    for summary in test.store.volumes() {
      #expect((summary.state == .sealed) == model.sealed.contains(summary.id), comment)
      let live = model.records.filter { location, record in
        location.volume == summary.id && record.header.kind == .chunk && model.garbage[location] == nil
      }
      #expect(summary.blobCount == UInt64(live.count), comment)
      #expect(summary.liveBytes == live.values.reduce(0) { $0 + UInt64($1.header.paddedLength) }, comment)
      #expect(summary.damagedCount == 0, comment)
    }
    #expect(test.folder.entriesMax <= 8, comment)
  }
}

private struct SeededGenerator: RandomNumberGenerator {
  var state: UInt64

  /// SplitMix64 (Steele, Lea and Flood, 2014).
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var word = state
    word = (word ^ word >> 30) &* 0xBF58_476D_1CE4_E5B9
    word = (word ^ word >> 27) &* 0x94D0_49BB_1331_11EB
    return word ^ word >> 31
  }
}

private func precedes(_ left: BlobLocation, _ right: BlobLocation) -> Bool {
  (left.volume, left.blob) < (right.volume, right.blob)
}
