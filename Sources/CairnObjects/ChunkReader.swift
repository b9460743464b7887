internal import CairnModel
internal import NIOCore

/// Cuts an upload into chunks, and charges what they hold to the memory of all uploads.
///
/// A body is charged in steps as its bytes come, so that one that is announced and does not come holds little. When it
/// can't grow at once, or others wait and its client has more than its share, its chunk ends where it stands: it is
/// stored, and the rest of the body waits with empty hands (``ByteBudget``, 2 and 4).
struct ChunkReader {
  struct Chunk: Sendable {
    var bytes: ByteBuffer
    /// Nothing comes after it.
    var isLast: Bool
    /// What the chunk took of the budget, to be given back when it is stored.
    var charge = BudgetCharge()
  }

  /// Bytes that need no leave from the budget.
  private static let freeBytesMax = 64 << 10
  /// What a body's first chunk is charged first; each further step is four times as much. So a chunk is copied few times
  /// while it grows, and a body never holds more than four times what came of it.
  private static let firstStep = 256 << 10
  private static let stepFactor = 4

  private let source: BodySource
  private let chunkSize: Int
  private let sizeMax: UInt64
  private let budget: ByteBudget
  private var client: BudgetClient?
  private var rest = ByteBuffer()
  /// The client has filled a chunk before, so the next ones are charged whole and never copied.
  private var isProven = false
  /// Chunks that may end early: no more than leave room for the whole body in a manifest.
  private var earlyEndsLeft: Int
  private(set) var size: UInt64 = 0

  init(source: BodySource, chunkSize: Int, sizeMax: UInt64, budget: ByteBudget) {
    self.source = source
    self.chunkSize = chunkSize
    self.sizeMax = sizeMax
    self.budget = budget
    let wholeChunks = min(source.length ?? sizeMax / 2, sizeMax) / UInt64(chunkSize) + 1
    earlyEndsLeft = max(0, Manifest.chunkCountMax - Int(clamping: wholeChunks))
  }

  /// Reads until a chunk is full and it is known whether another one follows.
  mutating func next() async throws(ObjectError) -> Chunk {
    var chunk = Chunk(bytes: rest, isLast: false)
    rest = ByteBuffer()
    do throws(ObjectError) {
      while true {
        if chunk.bytes.readableBytes > chunkSize {
          // More than the chunk came: the rest starts the next one.
          var bytes = chunk.bytes
          chunk.bytes = bytes.readSlice(length: chunkSize) ?? bytes
          rest = bytes
          return chunk
        }
        guard let bytes = try await pull() else {
          chunk.isLast = true
          return chunk
        }
        if try await add(bytes, to: &chunk) { return chunk }
      }
    } catch {
      budget.giveBack(chunk.charge)
      throw error
    }
  }

  private mutating func pull() async throws(ObjectError) -> ByteBuffer? {
    let bytes: ByteBuffer?
    do {
      bytes = try await source.next()
    } catch let error as ObjectError {
      // The bytes come from a stored object: its damage is not the client's fault.
      throw error
    } catch {
      throw .body(error)
    }
    guard let bytes else { return nil }
    size += UInt64(bytes.readableBytes)
    guard size <= sizeMax else { throw .tooLarge(limit: sizeMax) }
    return bytes
  }

  /// - Returns: whether the chunk ends here, because it is full or must give its memory back.
  private mutating func add(_ bytes: ByteBuffer, to chunk: inout Chunk) async throws(ObjectError) -> Bool {
    if chunk.bytes.readableBytes == 0, bytes.readableBytes <= Self.freeBytesMax {
      // A small body that came in one piece is not copied.
      chunk.bytes = bytes
      return false
    }
    let wanted = min(chunkSize, chunk.bytes.readableBytes + bytes.readableBytes)
    if wanted > max(Self.freeBytesMax, chunk.charge.count) {
      guard try await grow(&chunk, to: wanted) else {
        rest = bytes
        return true
      }
    }
    var bytes = bytes
    let room = chunkSize - chunk.bytes.readableBytes
    if let part = bytes.readSlice(length: min(room, bytes.readableBytes)) { chunk.bytes.writeImmutableBuffer(part) }
    rest = bytes
    if rest.readableBytes > 0 {
      isProven = true
      return true
    }
    return chunk.charge.count > 0 && budget.mustYield(chunk.charge.client) && endEarly()
  }

  /// Makes room for `wanted` bytes.
  ///
  /// - Returns: false where the chunk has to end as it is.
  private mutating func grow(_ chunk: inout Chunk, to wanted: Int) async throws(ObjectError) -> Bool {
    let client = self.client ?? source.client()
    self.client = client
    chunk.charge.client = client
    let capacity = capacity(for: wanted, after: chunk)
    let isGranted: Bool
    if chunk.charge.count == 0 {
      isGranted = await budget.take(capacity, for: client)
    } else {
      isGranted = budget.takeAtOnce(capacity - chunk.charge.count, for: client)
      if !isGranted, endEarly() { return false }
    }
    guard isGranted else { throw .overloaded }
    chunk.charge.count = capacity
    var grown = ByteBuffer()
    grown.reserveCapacity(capacity)
    grown.writeImmutableBuffer(chunk.bytes)
    chunk.bytes = grown
    return true
  }

  /// What to charge for a chunk that is to hold `wanted` bytes: no more than the body can need, and one step at most.
  private func capacity(for wanted: Int, after chunk: Chunk) -> Int {
    var step = chunkSize
    if !isProven {
      step = max(Self.firstStep, chunk.charge.count * Self.stepFactor)
      while step < wanted { step *= Self.stepFactor }
    }
    var needed = chunkSize
    if let length = source.length {
      // `size` includes the bytes that are wanted.
      let coming = length > size ? min(length - size, UInt64(chunkSize)) : 0
      needed = wanted + Int(coming)
    }
    return max(wanted, min(step, chunkSize, needed))
  }

  private mutating func endEarly() -> Bool {
    guard earlyEndsLeft > 0 else { return false }
    earlyEndsLeft -= 1
    return true
  }
}
