internal import CairnHTTP
internal import CairnModel
package import NIOCore
package import NIOHTTP1

/// Why an `aws-chunked` body can't be understood.
package enum AWSChunkedError: Error, Hashable, Sendable {
  /// The framing is wrong, in words.
  case malformed(String)
  /// The fields after the last chunk are wrong, in words.
  case malformedTrailer(String)
  case badSignature(SignatureError.Mismatch)
  /// It ended too early, or has another number of bytes than announced.
  case incomplete(String)
}

/// Takes the framing off a body of `aws-chunked` (`x-amz-content-sha256: STREAMING-…`): a pure state machine.
///
///     10000;chunk-signature=…␍␊ bytes ␍␊ … 0;chunk-signature=…␍␊ name:value␍␊ x-amz-trailer-signature:…␍␊ ␍␊
///
/// Payload is handed on as slices of what came. Its signature is only known at the end of a chunk, so what is handed on
/// must count for nothing until ``Step/end`` is there.
package struct AWSChunkedDecoder {
  package enum Step {
    /// Bytes of the object, never empty.
    case payload(ByteBuffer)
    /// Everything was taken of the input.
    case needsMore
    case end
  }

  private enum State {
    case header
    case payload(remaining: UInt64)
    /// The line break after a chunk.
    case payloadEnd
    case trailer
    case end
  }

  /// A size of 16 digits and a signature are 98 bytes.
  private static let headerBytesMax = 512
  /// Checksums are what trailers are for: the longest has 88 digits.
  private static let trailerBytesMax = 8 << 10
  private static let trailerSignature = "x-amz-trailer-signature"

  private let length: UInt64
  private let expectsTrailer: Bool
  private var signatures: ChunkSignatures?
  private var state = State.header
  private var line: [UInt8] = []
  private var seen: UInt64 = 0
  private var trailerBytes = 0
  private var trailerIsSigned = false
  /// The fields after the last chunk, besides their signature; all are there after ``Step/end``.
  package private(set) var trailers = HTTPHeaders()

  /// - Parameters:
  ///   - length: bytes without framing, as `x-amz-decoded-content-length` says.
  ///   - signatures: verifies what comes; nil for chunks without signatures.
  package init(length: UInt64, expectsTrailer: Bool, signatures: ChunkSignatures?) {
    self.length = length
    self.expectsTrailer = expectsTrailer
    self.signatures = signatures
  }

  /// Takes what it can of `input`, up to the next thing to tell.
  package mutating func next(_ input: inout ByteBuffer) throws(AWSChunkedError) -> Step {
    while true {
      switch state {
      case .payload(let remaining):
        guard input.readableBytes > 0 else { return .needsMore }
        let count = Int(min(remaining, UInt64(input.readableBytes)))
        guard let slice = input.readSlice(length: count) else { return .needsMore }
        signatures?.update(slice)
        if remaining == UInt64(count) {
          try signatures?.endChunk()
          state = .payloadEnd
        } else {
          state = .payload(remaining: remaining - UInt64(count))
        }
        return .payload(slice)
      case .header:
        guard let header = try readLine(&input) else { return .needsMore }
        try begin(header)
      case .payloadEnd:
        guard let rest = try readLine(&input) else { return .needsMore }
        guard rest.isEmpty else { throw .malformed("a chunk is longer than its size says") }
        state = .header
      case .trailer:
        guard let field = try readLine(&input) else { return .needsMore }
        try take(field)
      case .end:
        guard input.readableBytes == 0 else { throw .malformed("something follows the last chunk") }
        return .end
      }
    }
  }

  /// Tells whether the body may end here.
  package func finish() throws(AWSChunkedError) {
    guard case .end = state else { throw .incomplete("The request body ended before its last chunk") }
  }

  /// The next line without its break; nil until it is there.
  private mutating func readLine(_ input: inout ByteBuffer) throws(AWSChunkedError) -> [UInt8]? {
    let view = input.readableBytesView
    let end = view.firstIndex(of: UInt8(ascii: "\n"))
    let part = view[..<(end ?? view.endIndex)]
    let limit: Int
    switch state {
    case .trailer: limit = Self.trailerBytesMax - trailerBytes
    case .payloadEnd: limit = 1
    default: limit = Self.headerBytesMax
    }
    guard line.count + part.count <= limit else {
      if case .trailer = state { throw .malformedTrailer("the trailer is longer than \(Self.trailerBytesMax) bytes") }
      throw .malformed("a chunk's header is longer than \(limit) bytes")
    }
    line.append(contentsOf: part)
    input.moveReaderIndex(forwardBy: part.count + (end == nil ? 0 : 1))
    guard end != nil else { return nil }
    defer { line.removeAll(keepingCapacity: true) }
    return line.last == UInt8(ascii: "\r") ? line.dropLast() : line
  }

  private mutating func begin(_ header: [UInt8]) throws(AWSChunkedError) {
    let parts = header.split(separator: UInt8(ascii: ";"), maxSplits: 1)
    guard let size = parts.first.flatMap({ UInt64(hexadecimal: $0) }) else {
      throw .malformed("a chunk's size is not hexadecimal")
    }
    guard size <= length - seen else {
      throw .incomplete("The chunks have more bytes than x-amz-decoded-content-length, which is \(length)")
    }
    seen += size
    if signatures != nil {
      let suffix = parts.count > 1 ? String(decoding: parts[1], as: UTF8.self) : ""
      guard let signature = ByteText(suffix).dropping("chunk-signature=") else {
        throw .malformed("a chunk has no chunk-signature")
      }
      signatures?.beginChunk(signature: signature.string)
    }
    guard size == 0 else {
      state = .payload(remaining: size)
      return
    }
    try signatures?.endChunk()
    guard seen == length else {
      throw .incomplete("The chunks have \(seen) bytes, and x-amz-decoded-content-length is \(length)")
    }
    state = .trailer
  }

  /// Takes a line of the trailer.
  private mutating func take(_ field: [UInt8]) throws(AWSChunkedError) {
    trailerBytes += field.count
    guard !field.isEmpty else {
      // Some clients break the line twice before the trailer's signature.
      if expectsTrailer, signatures != nil, !trailerIsSigned, !trailers.isEmpty { return }
      if expectsTrailer, signatures != nil, !trailerIsSigned { throw .malformedTrailer("the trailer has no signature") }
      state = .end
      return
    }
    guard expectsTrailer else { throw .malformed("a trailer follows, which x-amz-content-sha256 doesn't announce") }
    guard !trailerIsSigned, let colon = field.firstIndex(of: UInt8(ascii: ":")),
      let name = String(validating: field[..<colon], as: UTF8.self)?.lowercased(), !name.isEmpty,
      let value = String(validating: field[(colon + 1)...], as: UTF8.self)
    else { throw .malformedTrailer("a field of the trailer is malformed") }
    let trimmed = String(value.drop(while: { $0 == " " }))
    if name == Self.trailerSignature {
      try signatures?.verify(trailers, signature: trimmed)
      trailerIsSigned = true
    } else {
      do throws(InvalidField) { try trailers.add(checking: name, trimmed) } catch {
        throw .malformedTrailer("\(error)")
      }
    }
  }
}
