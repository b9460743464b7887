import ArgumentParser
import Foundation

/// `cairn config server` prints what would be in force, and where each value comes from.
struct Config: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Print the configuration of a role, and where each value comes from.",
    subcommands: [Show<Server>.self, Show<Coordinator>.self, Show<Node>.self, Show<ReplicatorCommand>.self])

  struct Show<Role: RoleCommand>: AsyncParsableCommand {
    static var configuration: CommandConfiguration {
      CommandConfiguration(commandName: Role.role, abstract: "Print the configuration of `cairn \(Role.role)`.")
    }

    /// A setting in force.
    private struct Line: Encodable {
      var name: String
      var value: String
      var origin: String
    }

    @OptionGroup var role: Role
    @Flag(help: "Print JSON.")
    var json = false

    func run() async throws {
      var reader = SettingReader.current(role.options)
      do throws(ConfigurationError) {
        _ = try Role.configuration(&reader)
      } catch {
        throw ValidationError("\(error)")
      }
      if json {
        return try StandardOutput.json([
          "settings": reader.entries.map { Line(name: $0.name, value: $0.value, origin: "\($0.origin)") }
        ])
      }
      let width = reader.entries.map(\.name.count).max() ?? 0
      let lines = reader.entries.map { entry in
        let name = entry.name.padding(toLength: width, withPad: " ", startingAt: 0)
        return "\(name)  \(entry.value.isEmpty ? "(not set)" : entry.value)  (\(entry.origin))"
      }
      try StandardOutput.line(lines.joined(separator: "\n"))
    }
  }
}

extension SettingReader {
  /// Reads the process's environment: the only place that does.
  static func current(_ options: [any SettingOptions]) -> SettingReader {
    var flags: [String: String] = [:]
    for group in options {
      for case (let name, let value?) in group.flags { flags[name] = value }
    }
    return SettingReader(environment: ProcessInfo.processInfo.environment, flags: flags)
  }
}
