import CairnModel
import CairnTestSupport
import NIOCore
import Synchronization
import Testing

@testable import CairnObjects

/// What bodies hold of the memory for uploads while they come.
@Suite struct ChunkReaderTests {
  private static let chunkSize = 8 << 20
  private static let honestSize = 100 << 10

  /// A body whose first bytes come, and whose rest comes when it is opened.
  private final class Gate: Sendable {
    private let state = Mutex((isOpen: false, waiters: [CheckedContinuation<Void, Never>]()))

    func open() {
      let waiters = state.withLock { state in
        state.isOpen = true
        defer { state.waiters = [] }
        return state.waiters
      }
      for waiter in waiters { waiter.resume() }
    }

    func pass() async {
      await withCheckedContinuation { continuation in
        let isOpen = state.withLock { state in
          if !state.isOpen { state.waiters.append(continuation) }
          return state.isOpen
        }
        if isOpen { continuation.resume() }
      }
    }
  }

  private func body(
    _ length: UInt64?, sends count: Int, piece: Int = 64 << 10, for client: BudgetClient = .server,
    then gate: Gate? = nil
  ) -> BodySource {
    let left = Mutex(count)
    return BodySource(
      length: length,
      next: {
        let size = left.withLock { left in
          defer { left -= min(left, piece) }
          return min(left, piece)
        }
        if size > 0 { return ByteBuffer(repeating: 1, count: size) }
        await gate?.pass()
        return nil
      }, client: { client })
  }

  private func reader(_ source: BodySource, _ budget: ByteBudget) -> ChunkReader {
    ChunkReader(source: source, chunkSize: Self.chunkSize, sizeMax: 1 << 40, budget: budget)
  }

  /// Whether they say how much they will send, or not.
  @Test(arguments: [UInt64(70_000), 8 << 20, 1 << 40, nil])
  func slowBodiesHoldLittleMoreThanWhatCame(length: UInt64?) async throws {
    let budget = ByteBudget(bytes: 32 << 20)
    let gate = Gate()
    try await withThrowingTaskGroup(of: Void.self) { group in
      for _ in 0..<64 {
        let source = body(length, sends: 70_000, then: gate)
        group.addTask {
          var reader = reader(source, budget)
          budget.giveBack(try await reader.next().charge)
        }
      }
      let expected = length == 70_000 ? 70_000 : 256 << 10
      try await eventually("all have sent") { budget.free == (32 << 20) - 64 * expected }
      var honest = reader(body(UInt64(Self.honestSize), sends: Self.honestSize), budget)
      let chunk = try await honest.next()
      #expect(chunk.isLast && chunk.bytes.readableBytes == Self.honestSize)
      #expect(chunk.charge.count == Self.honestSize)
      budget.giveBack(chunk.charge)
      gate.open()
      try await group.waitForAll()
    }
    #expect(budget.free == 32 << 20)
  }

  @Test func honestBodiesDoNotQueue() async throws {
    let budget = ByteBudget(bytes: 64 * Self.honestSize, patience: .zero)
    let gate = Gate()
    try await withThrowingTaskGroup(of: Void.self) { group in
      for _ in 0..<64 {
        let source = body(UInt64(Self.honestSize), sends: Self.honestSize, then: gate)
        group.addTask {
          var reader = reader(source, budget)
          budget.giveBack(try await reader.next().charge)
        }
      }
      try await eventually("all are read at the same time") { budget.free == 0 }
      gate.open()
      try await group.waitForAll()
    }
  }

  @Test func aBodyThatCanNotGrowEndsItsChunk() async throws {
    let budget = ByteBudget(bytes: 1 << 20)
    #expect(await budget.take(700 << 10, for: .key("other")))
    var reader = reader(body(nil, sends: 1 << 20), budget)
    let first = try await reader.next()
    #expect(!first.isLast && first.bytes.readableBytes == 256 << 10 && first.charge.count == 256 << 10)
    budget.giveBack(first.charge)
    var size = first.bytes.readableBytes
    while true {
      let chunk = try await reader.next()
      size += chunk.bytes.readableBytes
      budget.giveBack(chunk.charge)
      if chunk.isLast { break }
    }
    #expect(size == 1 << 20 && reader.size == 1 << 20)
    #expect(budget.free == 324 << 10)
  }

  @Test func aBodyOfAClientWithMoreThanItsShareEndsItsChunkWhileOthersWait() async throws {
    let budget = ByteBudget(bytes: 1 << 20)
    let greedy = BudgetClient.key("greedy")
    #expect(await budget.take(700 << 10, for: greedy))
    let waiting = Mutex<Task<Bool, Never>?>(nil)
    let left = Mutex(4)
    let source = BodySource(
      length: nil,
      next: {
        let number = left.withLock { left in
          defer { left -= 1 }
          return left
        }
        // Somebody else comes while the body has more than its share.
        if number == 2 {
          waiting.withLock { $0 = Task { await budget.take(512 << 10, for: .key("other")) } }
          try await eventually("the other waits") { budget.waiterCount == 1 }
        }
        return number > 0 ? ByteBuffer(repeating: 1, count: 60 << 10) : nil
      }, client: { greedy })
    var reader = reader(source, budget)
    let first = try await reader.next()
    #expect(!first.isLast && first.bytes.readableBytes == 180 << 10, "\(first.bytes.readableBytes)")
    budget.giveBack(first.charge)
    budget.giveBack(700 << 10, for: greedy)
    #expect(await waiting.withLock { $0 }?.value == true)
    #expect(try await reader.next().isLast)
  }

  /// A client that has filled a chunk gets the next ones whole: a large body is copied once, not once for each chunk.
  @Test func laterChunksAreChargedWhole() async throws {
    let budget = ByteBudget(bytes: 64 << 20)
    var reader = reader(body(20 << 20, sends: 20 << 20, piece: 1 << 20), budget)
    let chunks = [try await reader.next(), try await reader.next(), try await reader.next()]
    #expect(chunks.map(\.bytes.readableBytes) == [8 << 20, 8 << 20, 4 << 20])
    #expect(chunks.map(\.charge.count) == [8 << 20, 8 << 20, 4 << 20])
    #expect(chunks.map(\.isLast) == [false, false, true])
  }

  /// Each wants four times the memory of all. None may wait for another one that waits.
  @Test(.timeLimit(.minutes(2))) func growingBodiesDoNotWaitForEachOther() async throws {
    try await ObjectFixture.with(chunkSize: Self.chunkSize, budget: 1 << 20) { fixture in
      try await withThrowingTaskGroup(of: Void.self) { group in
        for index in 0..<16 {
          group.addTask {
            let bytes = RandomBytes.slice(from: index, count: 4 << 20)
            let left = Mutex(Array(bytes)[...])
            let source = BodySource(
              length: index.isMultiple(of: 2) ? 4 << 20 : nil,
              next: {
                await Task.yield()
                return left.withLock { left in
                  defer { left = left.dropFirst(50_000) }
                  return left.isEmpty ? nil : ByteBuffer(bytes: left.prefix(50_000))
                }
              }, client: { .key("\(index % 3)") })
            let name = ObjectName(key: try ObjectKey("\(index)"))
            _ = try await fixture.objects.put(
              name, source, UploadDescription(contentType: "a/b"), onConflict: .overwrite)
          }
        }
        try await group.waitForAll()
      }
      for index in 0..<16 {
        #expect(try await fixture.get("\(index)") == Array(RandomBytes.slice(from: index, count: 4 << 20)))
      }
    }
  }
}
