package import NIOCore

/// A piece of a node's long answer: a kind, a length, bytes. What does not end with ``Kind/end`` was cut off.
///
/// Written as a field of ``FieldWriter``: the kind is its tag.
package struct AnswerFrame: Hashable, Sendable {
  package enum Kind: UInt8, Sendable {
    /// Nothing yet: the node is still at it, and the connection lives.
    case progress = 1
    case item = 2
    /// The whole answer was sent. The bytes are the number of items, eight of them.
    case end = 3
    /// The node gave up: ``NodeRefusal``, a line break, and what happened.
    case refusal = 4
  }

  /// Bytes of the kind and the length.
  package static let headLength = 5
  /// Bytes of a frame, so that nobody sets memory aside for a length that is nonsense.
  package static let lengthMax = 1 << 20

  package let kind: Kind
  package let bytes: ByteBuffer

  package init(_ kind: Kind, _ bytes: ByteBuffer) {
    self.kind = kind
    self.bytes = bytes
  }

  /// The frame that ends an answer of `count` items.
  package static func end(count: UInt64) -> AnswerFrame {
    var writer = FieldWriter(capacity: 8)
    writer.write(count)
    return AnswerFrame(.end, writer.buffer)
  }

  package static func refusal(_ refusal: NodeRefusal, _ detail: String) -> AnswerFrame {
    AnswerFrame(.refusal, ByteBuffer(string: "\(refusal.rawValue)\n\(detail.prefix(1000))"))
  }

  package func write(to writer: inout FieldWriter) {
    writer.field(kind.rawValue, Array(bytes.readableBytesView))
  }

  /// Kind and length of the frame that begins with `head`, which is ``headLength`` bytes.
  package static func head(_ head: ByteBuffer) throws(FormatError) -> (kind: Kind, length: Int) {
    let what = "node's answer"
    var head = head
    guard let tag = head.readInteger(as: UInt8.self),
      let length = head.readInteger(endianness: .little, as: UInt32.self)
    else { throw .truncated(what: what) }
    guard let kind = Kind(rawValue: tag), length <= lengthMax else { throw .badField(what: what, tag: tag) }
    return (kind, Int(length))
  }

  /// Who refused and why, of a ``Kind/refusal`` frame.
  package var refusal: (NodeRefusal, String) {
    let text = String(buffer: bytes)
    let parts = text.split(separator: "\n", maxSplits: 1, omittingEmptySubsequences: false)
    return (
      parts.first.flatMap { NodeRefusal(rawValue: String($0)) } ?? .failed, parts.count > 1 ? String(parts[1]) : text
    )
  }
}
