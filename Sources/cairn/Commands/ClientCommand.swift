import ArgumentParser
import CairnClient
import Foundation

/// How a command that moves files speaks with its server.
struct ClientOptions: ParsableArguments {
  @OptionGroup var server: ServerOptions
  @Option(help: "Tries after a failure that may go away by itself, such as a broken connection.")
  var retries = 4

  var json: Bool { server.json }

  func validate() throws {
    guard (0...100).contains(retries) else { throw ValidationError("--retries is \(retries), allowed are 0 to 100") }
  }
}

/// How files are transferred.
struct TransferOptions: ParsableArguments {
  @Option(name: .shortAndLong, help: "Files at the same time.")
  var jobs = 4
  @Option(help: "Bytes above which a file goes up in parts, and of each part, with an optional K, M or G.")
  var partSize = "64M"
  @Flag(help: "Show no progress. Without a terminal there is none anyway.")
  var noProgress = false

  func validate() throws {
    guard partBytes != nil else {
      throw ValidationError("--part-size is '\(partSize)', allowed are bytes from 64K to 1T")
    }
    guard (1...256).contains(jobs) else { throw ValidationError("--jobs is \(jobs), allowed are 1 to 256") }
  }
}

extension TransferOptions {
  var partBytes: UInt64? { Setting.bytes("part-size", default: "64M", 64 << 10...1 << 40).parse(partSize) }
}

/// What a command that moves files works with.
struct ClientSession: Sendable {
  let client: BlobClient
  let files: TemporaryFiles
  let terminal: Terminal
  let json: Bool
}

/// A command that moves files.
protocol ClientCommand: AsyncParsableCommand {
  var options: ClientOptions { get }
  /// nil for a command that transfers nothing.
  var transferOptions: TransferOptions? { get }
  func run(_ session: ClientSession) async throws(ClientError)
}

extension ClientCommand {
  /// Where uploads in parts are remembered; nil where the user has no such folder.
  private static var memoryFolder: String? {
    let environment = ProcessInfo.processInfo.environment
    let state = environment["XDG_STATE_HOME"].flatMap { $0.isEmpty ? nil : $0 }
    return (state ?? environment["HOME"].map { $0 + "/.local/state" }).map { $0 + "/cairn/uploads" }
  }

  var transferOptions: TransferOptions? { nil }

  func run() async throws {
    let terminal = Terminal()
    let session = ClientSession(
      client: BlobClient(
        try options.server.address(), retry: RetryPolicy(retries: options.retries),
        partSize: transferOptions?.partBytes ?? 64 << 20, memoryFolder: Self.memoryFolder),
      files: TemporaryFiles(), terminal: terminal, json: options.json)
    let interruption = Interruption {
      session.files.removeAll()
      terminal.close()
      terminal.say("cairn: interrupted")
      Foundation.exit(Interruption.exitCode)
    }
    defer { interruption.end() }
    do throws(ClientError) {
      try await run(session)
    } catch {
      if !error.isSilent { terminal.say("cairn: \(error)") }
      throw ExitCode(error.exitCode)
    }
  }
}

/// What to do when somebody presses Ctrl-C, or the process is told to end.
///
/// The sources are only kept alive; nothing touches them between `init` and `end`.
final class Interruption: @unchecked Sendable {
  /// As shells tell a process that was interrupted.
  static let exitCode: Int32 = 130

  private let sources: [any DispatchSourceSignal]

  init(_ handler: @escaping @Sendable () -> Void) {
    let queue = DispatchQueue(label: "interruption")
    sources = [SIGINT, SIGTERM].map { number in
      signal(number, SIG_IGN)
      let source = DispatchSource.makeSignalSource(signal: number, queue: queue)
      source.setEventHandler(handler: handler)
      source.resume()
      return source
    }
  }

  func end() {
    for source in sources { source.cancel() }
  }
}
