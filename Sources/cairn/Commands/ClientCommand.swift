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
  @Flag(help: "Show no progress. Without a terminal there is none anyway.")
  var noProgress = false

  func validate() throws {
    guard (1...256).contains(jobs) else { throw ValidationError("--jobs is \(jobs), allowed are 1 to 256") }
  }
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
  func run(_ session: ClientSession) async throws(ClientError)
}

extension ClientCommand {
  func run() async throws {
    let terminal = Terminal()
    let session = ClientSession(
      client: BlobClient(try options.server.address(), retry: RetryPolicy(retries: options.retries)),
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
      // The failure of a single file was told when it happened.
      if case .several(1, _) = error {} else { terminal.say("cairn: \(error)") }
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

/// Prints a value as JSON, with the keys' words joined by underscores.
func printJSON(_ value: some Encodable) throws(ClientError) {
  let encoder = JSONEncoder()
  encoder.keyEncodingStrategy = .convertToSnakeCase
  encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
  do {
    print(String(decoding: try encoder.encode(value), as: UTF8.self))
  } catch {
    throw .local("the result can't be written as JSON: \(error)")
  }
}
