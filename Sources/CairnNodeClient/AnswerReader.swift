internal import CairnHTTP
internal import CairnModel
internal import NIOCore

/// Takes a node's long answer apart while it comes in. Used on the event loop on which the request was sent.
struct AnswerReader {
  private let body: HTTPClientBody
  private let node: NodeID
  private var buffer = ByteBuffer()
  private var itemCount: UInt64 = 0

  init(_ body: HTTPClientBody, from node: NodeID) {
    self.body = body
    self.node = node
  }

  /// The next item of an answer in ``AnswerFrame``s; nil after the last one, when the answer is known to be whole.
  ///
  /// - Throws: ``NodeError/unreachable(_:_:)`` when the answer is cut off or malformed, ``NodeError/refused(_:_:_:)``
  ///   when the node gave up.
  mutating func nextItem() async throws(NodeError) -> ByteBuffer? {
    while true {
      let head = try await take(AnswerFrame.headLength)
      let (kind, length) = try understood { () throws(FormatError) in try AnswerFrame.head(head) }
      var bytes = try await take(length)
      switch kind {
      case .progress: continue
      case .item:
        itemCount += 1
        return bytes
      case .refusal:
        let (refusal, detail) = AnswerFrame(.refusal, bytes).refusal
        throw .refused(node, refusal, detail)
      case .end:
        guard bytes.readInteger(endianness: .little, as: UInt64.self) == itemCount else {
          throw malformed("it counts other items than it sent")
        }
        try await finish()
        return nil
      }
    }
  }

  /// Exactly `count` bytes.
  mutating func take(_ count: Int) async throws(NodeError) -> ByteBuffer {
    while buffer.readableBytes < count {
      guard let more = try await next() else { throw .unreachable(node, "its answer ended too early") }
      if buffer.readableBytes == 0, more.readableBytes >= count {
        buffer = more
      } else {
        buffer.reserveCapacity(minimumWritableBytes: max(more.readableBytes, count - buffer.readableBytes))
        buffer.writeImmutableBuffer(more)
      }
    }
    return buffer.readSlice(length: count) ?? ByteBuffer()
  }

  /// Reads the end of the answer, so that the connection can take another request.
  mutating func finish() async throws(NodeError) {
    guard buffer.readableBytes == 0, try await next() == nil else { throw malformed("bytes follow its end") }
  }

  func understood<Value>(_ body: () throws(FormatError) -> Value) throws(NodeError) -> Value {
    do throws(FormatError) { return try body() } catch { throw malformed("\(error)") }
  }

  func malformed(_ reason: String) -> NodeError {
    .unreachable(node, "its answer is malformed: \(reason)")
  }

  private func next() async throws(NodeError) -> ByteBuffer? {
    do throws(HTTPClientError) { return try await body.next() } catch { throw NodeError(error, of: node) }
  }
}
