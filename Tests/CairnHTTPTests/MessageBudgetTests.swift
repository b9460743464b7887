import Testing

@testable import CairnHTTP

@Suite struct MessageBudgetTests {
  /// What the decoder makes of a piece.
  private enum Made {
    case nothing
    case headOrEnd
    case body(Int)
  }

  /// Gives the decoder pieces of `length` bytes until it may have no more.
  ///
  /// - Returns: how many pieces it got, and why no more.
  private func fed(
    _ length: Int, lines: Int = 0, piecesMax: Int, making made: [Made]
  ) -> (pieces: Int, excess: MessageBudget.Excess?) {
    var budget = MessageBudget()
    for index in 0..<piecesMax {
      switch made[index % made.count] {
      case .nothing: break
      case .headOrEnd: budget.decodedHeadOrEnd()
      case .body(let count): budget.decodedBody(count)
      }
      do throws(MessageBudget.Excess) { try budget.decodedPiece(length) { lines } } catch {
        return (index + 1, error)
      }
    }
    return (piecesMax, nil)
  }

  @Test func bytesThatNeverBecomeAHeadAreRefused() {
    let (pieces, excess) = fed(1000, piecesMax: 1000, making: [.nothing])
    #expect(excess == .bytes)
    #expect(pieces == MessageBudget.bytesMax / 1000 + 1)
  }

  @Test func manyShortLinesAreRefusedBeforeTheirBytesAre() {
    let (pieces, excess) = fed(1000, lines: 250, piecesMax: 1000, making: [.nothing])
    #expect(excess == .lines)
    #expect(pieces < MessageBudget.bytesMax / 1000)
  }

  @Test func linesOfASmallHeadAreNotCounted() throws {
    var budget = MessageBudget()
    try budget.decodedPiece(MessageBudget.pieceBytesMax) {
      Issue.record("the lines were counted")
      return 0
    }
  }

  @Test func messagesOneAfterTheOtherAreNotAddedUp() {
    #expect(fed(16 << 10, piecesMax: 10_000, making: [.headOrEnd]).excess == nil)
    #expect(fed(16 << 10, piecesMax: 10_000, making: [.nothing, .nothing, .headOrEnd]).excess == nil)
  }

  @Test func longUploadInTheSmallestChunksIsAllowed() {
    // "1\r\nx\r\n" for each byte.
    #expect(fed(6, piecesMax: 1_000_000, making: [.body(1)]).excess == nil)
    // As AWS SDKs sign them: 8 KiB with 90 bytes of chunk line.
    #expect(fed(8192 + 90, piecesMax: 1_000_000, making: [.body(8192)]).excess == nil)
  }

  @Test func chunkExtensionsMuchLongerThanTheirChunksAreRefused() {
    let (pieces, excess) = fed(10_000, piecesMax: 1000, making: [.body(1)])
    #expect(excess == .bytes)
    #expect(pieces < 10)
  }

  @Test func bodyOfKnownLengthIsNotCut() {
    var budget = MessageBudget()
    #expect(budget.pieceLength(of: 512 << 10) == MessageBudget.pieceBytesMax)
    budget.bodyRemaining = 1 << 20
    #expect(budget.pieceLength(of: 512 << 10) == 512 << 10)
    budget.decodedBody(768 << 10)
    #expect(budget.pieceLength(of: 512 << 10) == 256 << 10)
    budget.decodedBody(1 << 20)
    #expect(budget.pieceLength(of: 512 << 10) == MessageBudget.pieceBytesMax)
    budget.bodyRemaining = .max
    #expect(budget.pieceLength(of: 100) == 100)
  }
}
