import CairnClient
import CairnModel
import Synchronization

/// One file that a command did something with.
struct FileReport: Encodable, Hashable, Sendable {
  var action: String
  var name: ByteText
  var path: String?
  /// Bytes.
  var size: UInt64
  var md5: String?
  var sha256: String?
}

/// What a command did with several files.
struct TransferReport: Encodable, Hashable, Sendable {
  struct Failure: Encodable, Hashable, Sendable {
    var subject: String
    var error: String
    var exitCode: Int32
  }

  var files: [FileReport] = []
  var failures: [Failure] = []
  /// What was left out on purpose.
  var skipped: [String] = []
  var seconds = 0.0

  var bytes: UInt64 { files.reduce(0) { $0 + $1.size } }

  /// `3 files, 12.3 MiB in 1.2 s`.
  var summary: String {
    let count = files.count == 1 ? "1 file" : "\(files.count) files"
    return "\(count), \(Amounts.bytes(bytes)) in \((seconds * 10).rounded() / 10) s"
  }

  /// What the process ends with: the code of the failures, where they have the same one.
  var exitCode: Int32 { Set(failures.map(\.exitCode)).count == 1 ? failures.first?.exitCode ?? 0 : 1 }

  /// - Throws: ``ClientError/several(_:exitCode:)`` where anything failed.
  func check() throws(ClientError) {
    if !failures.isEmpty { throw .several(failures.count, exitCode: exitCode) }
  }
}

/// Does something with several files at once, and tells how far it is and what failed.
struct Transfers {
  struct Item: Sendable {
    /// As it is shown.
    var label: String
    /// Bytes; nil where nobody knows.
    var size: UInt64?
    var perform: @Sendable (ProgressMeter.Transfer) async throws(ClientError) -> FileReport
  }

  /// How often what is shown is drawn anew.
  private static let frame: Duration = .milliseconds(100)

  let session: ClientSession
  let options: TransferOptions

  /// Does them all; a failure of one is told and does not stop the others.
  func run(_ items: [Item], problems: [FileTree.Problem] = []) async -> TransferReport {
    var report = TransferReport()
    for problem in problems {
      session.terminal.say("cairn: \(problem.description)")
      if problem.isError {
        report.failures.append(.init(subject: problem.path, error: problem.description, exitCode: 1))
      } else {
        report.skipped.append(problem.path)
      }
    }
    let sizes = items.map(\.size)
    let meter = ProgressMeter(
      files: items.count, total: sizes.contains(nil) ? nil : sizes.reduce(0) { $0 + ($1 ?? 0) })
    let display = display(meter)
    let start = ContinuousClock.now
    let outcomes = await perform(items, meter)
    report.seconds = (ContinuousClock.now - start) / .seconds(1)
    display?.cancel()
    await display?.value
    for (index, outcome) in outcomes {
      switch outcome {
      case .success(let file): report.files.append(file)
      case .failure(let error):
        report.failures.append(.init(subject: items[index].label, error: "\(error)", exitCode: error.exitCode))
      }
    }
    return report
  }

  private func perform(
    _ items: [Item], _ meter: ProgressMeter
  ) async -> [(Int, Result<FileReport, ClientError>)] {
    let terminal = session.terminal
    var outcomes: [(Int, Result<FileReport, ClientError>)] = []
    await withTaskGroup(of: (Int, Result<FileReport, ClientError>).self) { group in
      func take(_ outcome: (Int, Result<FileReport, ClientError>)) {
        if case .failure(let error) = outcome.1 { terminal.say("cairn: \(error)") }
        outcomes.append(outcome)
      }
      for (index, item) in items.enumerated() {
        if index >= options.jobs, let outcome = await group.next() { take(outcome) }
        group.addTask {
          let transfer = meter.begin(item.label, total: item.size)
          defer { transfer.end() }
          do throws(ClientError) { return (index, .success(try await item.perform(transfer))) } catch {
            return (index, .failure(error))
          }
        }
      }
      while let outcome = await group.next() { take(outcome) }
    }
    return outcomes.sorted { $0.0 < $1.0 }
  }

  private func display(_ meter: ProgressMeter) -> Task<Void, Never>? {
    guard !options.noProgress, Terminal.isInteractive else { return nil }
    let terminal = session.terminal
    return Task {
      while !Task.isCancelled {
        terminal.draw(ProgressText.lines(meter.snapshot(), width: Terminal.width))
        try? await Task.sleep(for: Self.frame)
      }
      terminal.draw([])
    }
  }
}

extension ClientSession {
  /// Prints what was done with files.
  ///
  /// - Throws: ``ClientError/several(_:exitCode:)`` where anything failed.
  func show(_ report: TransferReport, _ verb: String) throws(ClientError) {
    if json {
      try StandardOutput.json(report)
    } else {
      var lines = report.files.map { file in
        "\(BlobClient.quoted(file.name))  \(Amounts.bytes(file.size))  \(verb), MD5 \(file.md5 ?? "-") and SHA-256 verified"
      }
      if report.files.count + report.failures.count > 1 { lines.append(report.summary) }
      if !lines.isEmpty { try StandardOutput.line(lines.joined(separator: "\n")) }
    }
    // A single failure was told in its line; its code is the command's.
    try report.check()
  }
}
