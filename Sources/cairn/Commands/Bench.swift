import ArgumentParser
import CairnClient
import Foundation

/// `cairn bench` measures a server.
struct Bench: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Measure uploads and downloads: rates and latencies.",
    discussion: """
      Uploads random files below cairn-bench/, downloads each, verified, and deletes them. Nothing is tried twice: what \
      fails is counted. This process shares the processors with a server on the same machine.
      """)

  /// What was measured.
  struct Report: Encodable {
    var size: Int
    var count: Int
    var concurrency: Int
    var results: [LoadGenerator.Result]
  }

  @Option(help: "Bytes of each file, with an optional K, M or G.")
  var size = "4K"
  @Option(help: "Files.")
  var count = 1000
  @Option(name: .shortAndLong, help: "Requests at the same time.")
  var concurrency = 8
  @OptionGroup var options: ServerOptions

  func validate() throws {
    guard bytes != nil else { throw ValidationError("--size is '\(size)', allowed are bytes from 0 to 1G") }
    guard (1...10_000_000).contains(count) else {
      throw ValidationError("--count is \(count), allowed are 1 to 10000000")
    }
    guard (1...1024).contains(concurrency) else {
      throw ValidationError("--concurrency is \(concurrency), allowed are 1 to 1024")
    }
  }

  private var bytes: UInt64? { Setting.bytes("size", default: "4K", 0...1 << 30).parse(size) }

  func run() async throws {
    let client = BlobClient(try options.address(), retry: RetryPolicy(retries: 0))
    let load = LoadGenerator(
      client, prefix: "cairn-bench/\(UUID().uuidString)/", size: Int(bytes ?? 0), count: count, concurrency: concurrency
    )
    let work = Task {
      var results: [LoadGenerator.Result] = []
      for operation in LoadGenerator.Operation.allCases where !Task.isCancelled {
        results.append(await load.run(operation))
      }
      return results
    }
    let interruption = Interruption { work.cancel() }
    defer { interruption.end() }
    let results = await work.value
    await load.clean()
    if work.isCancelled {
      Terminal().say("cairn: interrupted")
      throw ExitCode(Interruption.exitCode)
    }
    do throws(ClientError) {
      try show(results)
    } catch {
      if !error.isSilent { Terminal().say("cairn: \(error)") }
      throw ExitCode(error.exitCode)
    }
  }

  private func show(_ results: [LoadGenerator.Result]) throws(ClientError) {
    if options.json {
      try StandardOutput.json(Report(size: Int(bytes ?? 0), count: count, concurrency: concurrency, results: results))
    } else {
      var columns = Columns([
        "": .left, "FILES": .right, "ERRORS": .right, "PER SECOND": .right, "RATE": .right, "P50 MS": .right,
        "P99 MS": .right, "MAX MS": .right,
      ])
      for result in results {
        columns.add([
          result.operation.rawValue, "\(result.count)", "\(result.errors)",
          String(format: "%.1f", result.operationsPerSecond), Amounts.bytes(UInt64(result.bytesPerSecond)) + "/s",
          String(format: "%.2f", result.p50Milliseconds), String(format: "%.2f", result.p99Milliseconds),
          String(format: "%.2f", result.maxMilliseconds),
        ])
      }
      try StandardOutput.line(columns.text)
    }
    let errors = results.reduce(0) { $0 + $1.errors }
    if errors > 0, let first = results.lazy.compactMap(\.firstError).first {
      throw .refused("\(errors) requests failed, the first one: \(first)")
    }
  }
}
