import CairnTestSupport
import Foundation
import Testing

/// Parsers of bytes from outside neither trap, nor break a promise, whatever they are given. `make fuzz` looks longer.
///
/// An input that ends the process would take all tests with it, so a process of their own tries them; the input is in a
/// file then.
@Suite(.serialized) struct ParserTests {
  /// Milliseconds that each target gets.
  private static let share: Duration = .milliseconds(100)

  private static let observed: [any PartialKeyPath<ExitTest.Result> & Sendable] = [
    \.standardOutputContent, \.standardErrorContent,
  ]

  @Test func knownInputsBreakNoParser() async throws {
    #expect(try Corpus.strays() == [], "folders of Corpus/ that belong to no target")
    let outcome = await #expect(processExitsWith: .success, observing: Self.observed) {
      try await Self.tryEach { target, running in
        for input in try target.seeds() + Corpus.inputs(of: target).map(\.bytes) {
          running.set(target, input)
          try target.check(FuzzInput(bytes: input))
        }
      }
    }
    try Self.report(outcome)
  }

  @Test func mutatedInputsBreakNoParser() async throws {
    let outcome = await #expect(processExitsWith: .success, observing: Self.observed) {
      let seed = SeededRandom(for: "mutated inputs").seed
      try await Self.tryEach { target, running in
        var mutator = Mutator(seed: seed, inputs: try target.seeds() + Corpus.inputs(of: target).map(\.bytes))
        let end = ContinuousClock.now + Self.share
        while ContinuousClock.now < end {
          let input = mutator.next()
          running.set(target, input)
          try target.check(FuzzInput(bytes: input))
        }
      }
    }
    try Self.report(outcome)
  }

  /// Gives each target to `body`, on a thread of its own: targets block.
  private static func tryEach(
    _ body: @escaping @Sendable (FuzzTarget, borrowing RunningInput) throws -> Void
  ) async throws {
    let result: Result<Void, any Error> = await withCheckedContinuation { done in
      Thread.detachNewThread { done.resume(returning: Result { try tryEachHere(body) }) }
    }
    try result.get()
  }

  private static func tryEachHere(_ body: (FuzzTarget, borrowing RunningInput) throws -> Void) throws {
    let running = try RunningInput(at: file(of: getppid()))
    for target in FuzzTarget.all { try body(target, running) }
    running.clear()
  }

  private static func file(of process: pid_t) -> String { "/tmp/cairn-fuzz-input-\(process)" }

  /// Says which input it was, and keeps it.
  private static func report(_ outcome: ExitTest.Result?) throws {
    // The seed.
    print(String(decoding: outcome?.standardOutputContent ?? [], as: UTF8.self), terminator: "")
    let path = file(of: getpid())
    defer { unlink(path) }
    guard let (name, bytes) = RunningInput.left(at: path) else { return }
    let folder = Corpus.folder.appending(path: "../../../.build/fuzz-found").standardized
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    let hash = bytes.reduce(0xCBF2_9CE4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
    let kept = folder.appending(path: "\(name)-\(String(hash, radix: 16))")
    try Data(bytes).write(to: kept)
    let output = String(decoding: outcome?.standardErrorContent ?? [], as: UTF8.self)
    Issue.record(
      """
      The fuzz target '\(name)' failed. Its input is in \(kept.path). To see it again and again:
        make fuzz FUZZ_TARGETS=\(name) FUZZ_INPUT=\(kept.path)
      Once it is mended, keep the input: cp \(kept.path) Tests/FuzzTests/Corpus/\(name)/
      \(output.suffix(4000))
      """)
  }
}
