internal import CairnModel

/// What waits to be done to a volume's log, in order. Pure: who takes a batch performs it.
struct AppendQueue: Sendable {
  /// Called once, on a writer's thread.
  typealias Completion = @Sendable (Result<Void, StorageError>) -> Void

  /// A class, because it passes through several collections.
  final class Append: Sendable {
    let record: EncodedRecord
    let completion: Completion

    init(record: EncodedRecord, completion: @escaping Completion) {
      self.record = record
      self.completion = completion
    }
  }

  enum Operation: Sendable {
    case append(Append)
    /// An append to a log that may be sealed, in the place of a damaged or missing record.
    case restore(Append)
    case seal(Completion)
    /// Completes when everything before it has.
    case barrier(Completion)
  }

  /// What whoever put something in must do.
  enum Action {
    /// Let a writer take batches until there are none.
    case startWriter
    case none
    /// Nothing was put in: the store is closed.
    case refuse
  }

  /// A batch is synced as one, so this bounds how long a small append waits behind large ones.
  private static let batchBytesMax = 32 << 20
  private static let batchOperationsMax = 1024

  private var waiting: [Operation] = []
  private var isWriterActive = false
  private var isClosed = false

  mutating func enqueue(_ operation: Operation) -> Action {
    if isClosed { return .refuse }
    waiting.append(operation)
    if isWriterActive { return .none }
    isWriterActive = true
    return .startWriter
  }

  /// The next operations to perform; nil when there are none, and then the writer is done.
  mutating func takeBatch() -> [Operation]? {
    guard !waiting.isEmpty else {
      isWriterActive = false
      return nil
    }
    var bytes = 0
    var count = 0
    for operation in waiting.prefix(Self.batchOperationsMax) {
      switch operation {
      case .append(let append), .restore(let append): bytes += append.record.header.paddedLength
      case .seal, .barrier: break
      }
      // The first goes in whatever its size.
      if bytes > Self.batchBytesMax, count > 0 { break }
      count += 1
    }
    defer {
      if count == waiting.count { waiting = [] } else { waiting.removeFirst(count) }
    }
    return count == waiting.count ? waiting : Array(waiting[..<count])
  }

  /// Lets nothing in any more. `last` is performed after all that waits.
  mutating func close(last: Operation) -> Action {
    let action = enqueue(last)
    isClosed = true
    return action
  }
}
