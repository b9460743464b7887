/// Bounds what a peer makes the HTTP decoder keep: heads, trailers and chunk lines, on both ends of a connection.
///
/// SwiftNIO's decoder limits a field, not the sum of them, and says nothing until a head is complete. So its input is
/// cut into pieces, and whatever did not come out of it as a body counts. Nothing is parsed twice, and the bytes of a
/// body with a known length are not cut.
struct MessageBudget {
  /// Why the peer's next bytes are not decoded.
  enum Excess: Error, Hashable, CustomStringConvertible {
    case bytes
    case lines

    var description: String {
      switch self {
      case .bytes:
        "the head, or the chunk lines and trailers, of a message have more than \(MessageBudget.bytesMax) bytes"
      case .lines:
        "the head, or the trailers, of a message have more than \(MessageBudget.linesMax) lines"
      }
    }
  }

  /// Bytes of a head, or of the chunk lines and trailers of a body: eight times what signed requests of S3 clients need.
  static let bytesMax = 64 << 10
  /// Bytes that the decoder is given at once where a head, a chunk line or a trailer may stand. What a piece decodes
  /// to is the most that waits decoded, and 16 KiB hold the head and the body of a small request.
  static let pieceBytesMax = 16 << 10
  /// Lines after the first piece: each costs the decoder two strings, however short it is.
  static let linesMax = 1000
  /// Bytes of chunk lines that each byte of the body pays for: an upload may be long, and its chunks one byte each.
  private static let bytesPaidByBodyByte = 16

  /// Bytes that are still to come of a body with a known length.
  var bodyRemaining: UInt64 = 0
  private var bytes = 0
  private var lines = 0
  private var bodyBytesInPiece = 0
  private var pieceEndsMessagePart = false

  /// How many of the bytes that wait may be decoded now.
  func pieceLength(of available: Int) -> Int {
    let body = Int(clamping: bodyRemaining)
    return min(available, max(body, Self.pieceBytesMax))
  }

  /// The decoder made a head, or the end of a message, of the current piece.
  mutating func decodedHeadOrEnd() {
    pieceEndsMessagePart = true
  }

  /// The decoder made bytes of a body of the current piece.
  mutating func decodedBody(_ count: Int) {
    bodyBytesInPiece += count
    bodyRemaining -= min(bodyRemaining, UInt64(count))
  }

  /// The decoder has had a piece, and what it made of it has been reported.
  ///
  /// - Parameter lineCount: counts the line feeds of the piece; called only where there are suspiciously many bytes.
  mutating func decodedPiece(_ count: Int, lineCount: () -> Int) throws(Excess) {
    let bodyBytes = bodyBytesInPiece
    bodyBytesInPiece = 0
    guard !pieceEndsMessagePart else {
      // Where in the piece it ended is unknown. What follows in it is forgiven: less than one piece.
      pieceEndsMessagePart = false
      bytes = 0
      lines = 0
      return
    }
    guard bodyBytes == 0 else {
      bytes = max(0, bytes + count - bodyBytes - bodyBytes * Self.bytesPaidByBodyByte)
      lines = 0
      return try check()
    }
    if bytes >= Self.pieceBytesMax { lines += lineCount() }
    bytes += count
    try check()
  }

  private func check() throws(Excess) {
    if bytes > Self.bytesMax { throw .bytes }
    if lines > Self.linesMax { throw .lines }
  }
}
