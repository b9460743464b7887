internal import NIOCore

/// Stands in front of the HTTP decoder and gives it what came from the socket, piece by piece, within a
/// ``MessageBudget``: the shell around it.
///
/// A piece is decoded when it comes if nothing waits before it, and otherwise when the handler behind the decoder asks
/// for more. So pipelined requests wait as bytes, not as objects. Confined to its event loop, and in the way of every
/// request: so the checks for overlapping accesses, which cost as much as the rest of it, are left out.
final class DecoderFeed: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias InboundOut = ByteBuffer

  @exclusivity(unchecked) var budget = MessageBudget()
  @exclusivity(unchecked) private var waiting = CircularBuffer<ByteBuffer>()
  /// The end of the input, which must not overtake the bytes that wait.
  @exclusivity(unchecked) private var endIsWaiting = false
  @exclusivity(unchecked) private var isDiscarding = false
  @exclusivity(unchecked) private var context: ChannelHandlerContext?

  /// Whether something waits to be decoded.
  var hasWaiting: Bool { !waiting.isEmpty || endIsWaiting }

  /// Decodes the next piece of what waits.
  ///
  /// - Returns: false when nothing waits, so that more can only come from the socket.
  func decodeMore() -> Bool {
    guard let bytes = waiting.popFirst() else { return passEnd() }
    decode(bytes)
    return true
  }

  /// Throws away what waits and what comes: the decoder can't go on after an error.
  func discard() {
    isDiscarding = true
    waiting.removeAll()
  }

  private func decode(_ bytes: ByteBuffer) {
    guard let context else { return }
    var piece = bytes
    let length = budget.pieceLength(of: bytes.readableBytes)
    if length < bytes.readableBytes {
      var rest = bytes
      guard let slice = rest.readSlice(length: length) else { return }
      piece = slice
      // Before the decoder sees the piece: what it makes of it may ask for more.
      waiting.prepend(rest)
    }
    context.fireChannelRead(wrapInboundOut(piece))
    do throws(MessageBudget.Excess) {
      try budget.decodedPiece(length) { piece.readableBytesView.reduce(0) { $1 == 0x0A ? $0 + 1 : $0 } }
    } catch {
      guard !isDiscarding else { return }
      discard()
      context.fireErrorCaught(error)
    }
  }

  private func passEnd() -> Bool {
    guard endIsWaiting, let context else { return false }
    endIsWaiting = false
    context.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
    return true
  }

  // MARK: Channel events

  func handlerAdded(context: ChannelHandlerContext) {
    self.context = context
  }

  func handlerRemoved(context: ChannelHandlerContext) {
    self.context = nil
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard !isDiscarding else { return }
    let bytes = unwrapInboundIn(data)
    if waiting.isEmpty { decode(bytes) } else { waiting.append(bytes) }
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if !waiting.isEmpty, case .inputClosed? = event as? ChannelEvent {
      endIsWaiting = true
    } else {
      context.fireUserInboundEventTriggered(event)
    }
  }

  func channelInactive(context: ChannelHandlerContext) {
    // A peer may close as soon as it has sent the whole of an answer.
    while decodeMore() {}
    context.fireChannelInactive()
  }
}
