import ArgumentParser
import Foundation

/// `cairn catalog`: what is done with a catalog as a whole.
struct CatalogCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "catalog", abstract: "Work on a catalog as a whole.", subcommands: [Copy.self])

  /// `cairn catalog copy --from … --to …`
  struct Copy: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Copy a whole catalog into another database, and compare the two.",
      discussion: """
        A catalog is named by \(CatalogPlace.allowed).
        Stop all that writes to either before: servers, coordinators, replicators and nodes.

        Exit codes: 0 copied, and found to be the same; 1 failed, or it is not the same.
        """)

    @Option(help: "The catalog that there is.")
    var from: String
    @Option(help: "The catalog that is to be: an empty one.")
    var to: String
    @Flag(help: "Also into one that is not empty: goes on with a copy that was cut off.")
    var force = false

    func run() async throws {
      var reader = SettingReader.current([])
      let environment = ProcessInfo.processInfo.environment
      let source: CatalogPlace
      let target: CatalogPlace
      var configuration: ProcessConfiguration
      do throws(ConfigurationError) {
        configuration = try ProcessConfiguration(&reader)
        source = try Self.place(from, "--from", environment)
        target = try Self.place(to, "--to", environment)
      } catch {
        throw ValidationError("\(error)")
      }
      configuration.leaveRoomForProgress()
      var isDone = false
      try await RoleProcess.run("catalog", configuration, isService: false) { process in
        isDone = try await process.interruptible {
          try await CatalogCopyRole(from: source, to: target, isForced: force, process).run()
        }
      }
      if !isDone { throw ExitCode.failure }
    }

    private static func place(
      _ text: String, _ option: String, _ environment: [String: String]
    ) throws(ConfigurationError) -> CatalogPlace {
      do throws(ConfigurationError) {
        return try CatalogPlace(text, environment: environment)
      } catch {
        throw .refused("\(option): \(error)")
      }
    }
  }
}
