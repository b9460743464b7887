internal import CairnModel
internal import NIOCore
internal import Synchronization

/// Uploads and downloads files of one size and tells how long each took.
package struct LoadGenerator: Sendable {
  package enum Operation: String, Sendable, CaseIterable, Codable {
    case put, get
  }

  /// What was measured of one operation.
  package struct Result: Hashable, Sendable, Codable {
    package var operation: Operation
    package var count: Int
    package var errors: Int
    package var seconds: Double
    package var operationsPerSecond: Double
    package var bytesPerSecond: Double
    package var p50Milliseconds: Double
    package var p99Milliseconds: Double
    package var maxMilliseconds: Double
    /// The first error, if there was one.
    package var firstError: String?
  }

  private let client: BlobClient
  private let prefix: String
  private let size: Int
  private let count: Int
  private let concurrency: Int
  private let payload: ByteBuffer

  /// - Parameters:
  ///   - client: without retries, which would hide what is measured.
  ///   - prefix: of the names that are written, and deleted by ``clean()``.
  ///   - size: bytes of each file.
  package init(_ client: BlobClient, prefix: String, size: Int, count: Int, concurrency: Int) {
    self.client = client
    self.prefix = prefix
    self.size = size
    self.count = count
    self.concurrency = concurrency
    var random = SystemRandomNumberGenerator()
    var payload = ByteBuffer()
    payload.reserveCapacity(size)
    while payload.readableBytes + 8 <= size { payload.writeInteger(random.next() as UInt64) }
    while payload.readableBytes < size { payload.writeInteger(UInt8.random(in: 0...255, using: &random)) }
    self.payload = payload
  }

  /// Does an operation for each file, and measures.
  package func run(_ operation: Operation) async -> Result {
    let start = ContinuousClock.now
    let outcomes = await each { name throws(ClientError) in
      switch operation {
      case .put: _ = try await client.upload(BytesSource(payload), as: name)
      case .get:
        let bytes = try await client.discard(name)
        guard bytes == size else { throw .mismatch(BlobClient.quoted(name)) }
      }
    }
    let elapsed = (ContinuousClock.now - start) / .seconds(1)
    let latencies = Latencies(outcomes.compactMap { $0.error == nil ? $0.latency : nil })
    let errors = outcomes.compactMap(\.error)
    let rate = elapsed > 0 ? Double(latencies.count) / elapsed : 0
    return Result(
      operation: operation, count: latencies.count, errors: errors.count, seconds: elapsed, operationsPerSecond: rate,
      bytesPerSecond: rate * Double(size), p50Milliseconds: latencies.milliseconds(0.5),
      p99Milliseconds: latencies.milliseconds(0.99), maxMilliseconds: latencies.milliseconds(1),
      firstError: errors.first)
  }

  /// Deletes what was written.
  package func clean() async {
    _ = await each { name throws(ClientError) in
      do throws(ClientError) { try await client.delete(name) } catch .notFound { return }
    }
  }

  private struct Outcome: Sendable {
    var latency: Duration
    var error: String?
  }

  private func each(_ body: @escaping @Sendable (ByteText) async throws(ClientError) -> Void) async -> [Outcome] {
    let next = Counter()
    let (count, prefix) = (count, prefix)
    return await withTaskGroup(of: [Outcome].self) { group in
      for _ in 0..<min(concurrency, count) {
        group.addTask {
          var outcomes: [Outcome] = []
          while !Task.isCancelled {
            let index = next.take()
            guard index < count else { break }
            let start = ContinuousClock.now
            var error: String?
            do throws(ClientError) { try await body("\(prefix)\(index)") } catch let failure { error = "\(failure)" }
            outcomes.append(Outcome(latency: ContinuousClock.now - start, error: error))
          }
          return outcomes
        }
      }
      return await group.reduce(into: []) { $0 += $1 }
    }
  }
}

/// Numbers from 0, each once.
private final class Counter: Sendable {
  private let next = Mutex(0)

  func take() -> Int {
    next.withLock { next in
      defer { next += 1 }
      return next
    }
  }
}

/// Durations in order.
package struct Latencies: Hashable, Sendable {
  private let sorted: [Duration]

  package init(_ durations: [Duration]) {
    sorted = durations.sorted()
  }

  package var count: Int { sorted.count }

  /// The smallest duration that at least `share` of all don't exceed; 0 where there are none.
  package func milliseconds(_ share: Double) -> Double {
    guard !sorted.isEmpty else { return 0 }
    let rank = Int((share * Double(sorted.count)).rounded(.up))
    return sorted[min(max(rank, 1), sorted.count) - 1] / .milliseconds(1)
  }
}
