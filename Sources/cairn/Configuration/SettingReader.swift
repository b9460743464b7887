/// Reads settings from flags and environment, and remembers what it read for `cairn config`.
struct SettingReader {
  struct Entry {
    let name: String
    let value: String
    let origin: SettingOrigin
  }

  private let environment: [String: String]
  private let flags: [String: String]
  /// In the order in which they were read first.
  private(set) var entries: [Entry] = []

  /// - Parameter flags: values by the names of their settings.
  init(environment: [String: String], flags: [String: String]) {
    self.environment = environment
    self.flags = flags
  }

  /// The value of a setting that has a default.
  mutating func read<Value>(_ setting: Setting<Value>) throws(ConfigurationError) -> Value {
    guard let value = try readOptional(setting) else {
      throw .missing(name: setting.name, reason: "it must be \(setting.allowed)")
    }
    return value
  }

  /// The value of a setting, nil where it is not set and has no default.
  mutating func readOptional<Value>(_ setting: Setting<Value>) throws(ConfigurationError) -> Value? {
    guard let (text, origin) = lookup(setting) else {
      note(Entry(name: setting.name, value: "", origin: .fallback))
      return nil
    }
    guard let value = setting.parse(text) else {
      throw .invalid(name: setting.name, value: text, origin: origin, allowed: setting.allowed)
    }
    note(Entry(name: setting.name, value: setting.isSecret ? "********" : text, origin: origin))
    return value
  }

  /// Roles in one process may read a setting each.
  private mutating func note(_ entry: Entry) {
    guard let place = entries.firstIndex(where: { $0.name == entry.name }) else { return entries.append(entry) }
    if entries[place].value.isEmpty { entries[place] = entry }
  }

  private func lookup<Value>(_ setting: Setting<Value>) -> (String, SettingOrigin)? {
    if let text = flags[setting.name] { return (text, .flag) }
    // An empty variable is how Compose passes one that is not set.
    if let text = environment[setting.name], !text.isEmpty { return (text, .environment) }
    return setting.fallback.map { ($0, .fallback) }
  }
}
