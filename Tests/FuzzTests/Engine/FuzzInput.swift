import CairnTestSupport
import NIOCore

/// What a target is given.
struct FuzzInput: Sendable {
  let bytes: [UInt8]

  var buffer: ByteBuffer { ByteBuffer(bytes: bytes) }

  /// The bytes as text; what is not UTF-8 is replaced, as NIO does with the heads of requests.
  var text: String { String(decoding: bytes, as: UTF8.self) }

  /// The input in pieces whose lengths follow from the input itself, so that it fails again when it is given again.
  var pieces: [ByteBuffer] {
    var random = SeededRandom(seed: bytes.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 })
    var pieces: [ByteBuffer] = []
    var rest = bytes[...]
    // Small inputs byte by byte now and then, long ones in few pieces.
    let lengthMax = max(rest.count / 24, [1, 3, 16, 64].randomElement(using: &random) ?? 1)
    while !rest.isEmpty {
      let piece = rest.prefix(Int.random(in: 1...lengthMax, using: &random))
      pieces.append(ByteBuffer(bytes: piece))
      rest = rest.dropFirst(piece.count)
    }
    return pieces
  }

  /// A number from the first bytes, and the input behind them.
  func number() -> (value: UInt64, rest: FuzzInput) {
    let value = bytes.prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
    return (value, FuzzInput(bytes: Array(bytes.dropFirst(8))))
  }

  /// The first line, and the input behind it.
  func line() -> (text: String, rest: FuzzInput) {
    let end = bytes.firstIndex(of: UInt8(ascii: "\n")) ?? bytes.endIndex
    return (String(decoding: bytes[..<end], as: UTF8.self), FuzzInput(bytes: Array(bytes[end...].dropFirst())))
  }

  /// All lines.
  var lines: [String] {
    bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).map {
      String(decoding: $0, as: UTF8.self)
    }
  }
}
