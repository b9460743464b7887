internal import CairnHTTP
internal import CairnModel
internal import NIOCore

/// Writes a long answer in ``AnswerFrame``s, no faster than the client reads. On the connection's event loop.
struct FrameWriter {
  /// Small frames are sent together.
  private static let gatheredBytesMax = 64 << 10
  /// Shorter than any client's patience with a silent connection.
  private static let progressInterval: Duration = .seconds(1)

  private let writer: HTTPResponseWriter
  private var gathered = FieldWriter(capacity: gatheredBytesMax)
  private var itemCount: UInt64 = 0

  init(_ writer: HTTPResponseWriter) {
    self.writer = writer
  }

  mutating func item(_ bytes: [UInt8]) async throws {
    itemCount += 1
    gathered.field(AnswerFrame.Kind.item.rawValue, bytes)
    if gathered.bytes.count >= Self.gatheredBytesMax { try await flush() }
  }

  mutating func end() async throws {
    AnswerFrame.end(count: itemCount).write(to: &gathered)
    try await flush()
  }

  mutating func refuse(_ refusal: NodeRefusal, _ detail: String) async throws {
    AnswerFrame.refusal(refusal, detail).write(to: &gathered)
    try await flush()
  }

  /// What `work` returns; tells the client meanwhile that the node is at it.
  mutating func working<Value: Sendable>(_ work: @escaping @Sendable () async throws -> Value) async throws -> Value {
    try await withThrowingTaskGroup(of: Value?.self) { group in
      group.addTask { try await work() }
      while true {
        group.addTask {
          try await Task.sleep(for: Self.progressInterval)
          return nil
        }
        if let finished = try await group.next(), let value = finished {
          group.cancelAll()
          return value
        }
        AnswerFrame(.progress, ByteBuffer()).write(to: &gathered)
        try await flush()
        writer.flush()
      }
    }
  }

  private mutating func flush() async throws {
    let bytes = gathered.buffer
    gathered = FieldWriter(capacity: Self.gatheredBytesMax)
    try await writer.write(bytes)
  }
}
