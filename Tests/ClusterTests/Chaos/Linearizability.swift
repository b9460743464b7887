/// Whether operations on one name can be put into an order in which each takes effect at one moment between its call
/// and its answer: the algorithm of Wing and Gong (1993) with the memory of configurations by Lowe (2017).
struct Linearizability {
  typealias Operation = History.Operation

  enum Verdict: Equatable {
    case possible
    case impossible(String)
    /// Given up after ``configurationsMax``.
    case undecided
  }

  /// What bounds memory: some hundred bytes each.
  private static let configurationsMax = 400_000
  /// The state of a name without a value.
  private static let absent = 0
  /// The state of a name with a value that nobody ever read: it does not matter which.
  private static let unread = -1

  private struct Configuration: Hashable {
    var done: [UInt64]
    var value: Int

    func has(_ index: Int) -> Bool { done[index / 64] & 1 << UInt64(index % 64) != 0 }
    mutating func add(_ index: Int) { done[index / 64] |= 1 << UInt64(index % 64) }
  }

  private let operations: [Operation]
  /// What writes each operation tries: its value, or ``unread``.
  private let written: [Int?]
  private var seen: Set<Configuration> = []
  private var isExhausted = false
  /// The furthest that any order came, to explain where it ends.
  private var best: (count: Int, configuration: Configuration)

  static func check(_ operations: [Operation]) -> Verdict {
    var check = Linearizability(operations)
    if check.search(check.best.configuration, count: 0) { return .possible }
    return check.isExhausted ? .undecided : .impossible(check.explanation)
  }

  private init(_ operations: [Operation]) {
    self.operations = operations.sorted { $0.invoked < $1.invoked }
    let read = Set(operations.compactMap(\.valueRead))
    written = self.operations.map { $0.valueWritten.map { read.contains($0) ? $0 : Self.unread } }
    let words = [UInt64](repeating: 0, count: operations.count / 64 + 1)
    best = (0, Configuration(done: words, value: Self.absent))
  }

  private mutating func search(_ start: Configuration, count: Int) -> Bool {
    var (configuration, count) = (start, count)
    var candidates = self.candidates(configuration)
    // What does not change the value and fits now can come now: it is in nobody's way.
    while let read = candidates.first(where: { !isChange($0) && next(configuration.value, $0) != nil }) {
      configuration.add(read)
      count += 1
      candidates = self.candidates(configuration)
    }
    if count > best.count { best = (count, configuration) }
    if operations.indices.allSatisfy({ configuration.has($0) || !isDefinite($0) }) { return true }
    guard seen.insert(configuration).inserted else { return false }
    guard seen.count < Self.configurationsMax else {
      isExhausted = true
      return false
    }
    // Answered ones first: those without an answer explain only what nothing else does.
    for isDefinite in [true, false] {
      var tried: Set<Operation.Action> = []
      for candidate in candidates where self.isDefinite(candidate) == isDefinite {
        // Without an answer, those of a kind are all alike, and the first one can be next whenever a later one can.
        if !isDefinite, let kind = kind(candidate), !tried.insert(kind).inserted { continue }
        guard let value = next(configuration.value, candidate) else { continue }
        var following = configuration
        following.add(candidate)
        following.value = value
        if search(following, count: count + 1) { return true }
        if isExhausted { return false }
      }
    }
    return false
  }

  /// The operation without what makes it different from others; nil where something does.
  private func kind(_ index: Int) -> Operation.Action? {
    switch operations[index].action {
    case .delete: .delete
    case .put where written[index] == Self.unread: .put(Self.unread)
    case .putIfAbsent where written[index] == Self.unread: .putIfAbsent(Self.unread)
    case .replace(let old, _) where written[index] == Self.unread: .replace(old, by: Self.unread)
    default: nil
    }
  }

  /// Whether it may change the value. One that puts ``unread`` over ``unread`` does: it is used up.
  private func isChange(_ index: Int) -> Bool {
    switch operations[index].outcome {
    case .created, .replaced, .deleted, .unknown: true
    case .refused, .found, .present, .absent: false
    }
  }

  private func isDefinite(_ index: Int) -> Bool { operations[index].outcome != .unknown }

  /// Those that may be next: called before any other one that is left was answered.
  private func candidates(_ configuration: Configuration) -> [Int] {
    var firstAnswer = UInt64.max
    var found: [Int] = []
    for index in operations.indices where !configuration.has(index) {
      // In the order of their calls.
      if operations[index].invoked > firstAnswer { break }
      found.append(index)
      firstAnswer = min(firstAnswer, operations[index].completed)
    }
    return found
  }

  /// The value after an operation at `value`; nil where its answer would have been another one, or where it has none and
  /// would change nothing.
  private func next(_ value: Int, _ index: Int) -> Int? {
    let isThere = value != Self.absent
    let new = written[index]
    switch (operations[index].action, operations[index].outcome) {
    case (.put, .unknown): return new
    // Where a comparison of the catalog with the disks has put it first, nobody knows any more what it replaced.
    case (.put, .created): return new
    case (.put, .replaced): return isThere ? new : nil
    case (.putIfAbsent, .unknown), (.putIfAbsent, .created): return isThere ? nil : new
    case (.putIfAbsent, .refused): return isThere ? value : nil
    case (.replace(let old, _), .unknown), (.replace(let old, _), .replaced):
      return value == old ? new : nil
    case (.replace(let old, _), .refused): return value == old ? nil : value
    case (.delete, .unknown), (.delete, .deleted): return isThere ? Self.absent : nil
    case (.delete, .absent), (.get, .absent), (.list, .absent): return isThere ? nil : value
    case (.get, .found(let found)): return value == found ? value : nil
    case (.list, .present): return isThere ? value : nil
    default: return nil
    }
  }

  private var explanation: String {
    let configuration = best.configuration
    let value =
      configuration.value == Self.absent
      ? "no value" : "value \(configuration.value) (\(Self.unread): one that nobody read)"
    let left = self.candidates(configuration).map { "  \(operations[$0])" }
    let all = operations.indices.map { (configuration.has($0) ? "  + " : "  - ") + "\(operations[$0])" }
    return "after \(best.count) of \(operations.count) operations there is \(value), and none of these can be next:\n"
      + left.joined(separator: "\n") + "\nall (+ has its place):\n" + all.joined(separator: "\n")
  }
}

extension History.Operation {
  var valueWritten: Int? {
    switch action {
    case .put(let value), .putIfAbsent(let value), .replace(_, by: let value): value
    case .delete, .get, .list: nil
    }
  }

  /// The value that the operation names as one that is there.
  fileprivate var valueRead: Int? {
    switch (action, outcome) {
    case (.get, .found(let value)), (.replace(let value, by: _), _): value
    default: nil
    }
  }
}
