import CairnModel

/// Reads settings from flags and environment, and remembers what it read for `cairn config`.
struct SettingReader {
  struct Entry {
    let name: String
    let value: String
    let origin: SettingOrigin
  }

  private let environment: [String: String]
  private let flags: [String: String]
  private var component: StateStoreComponent?
  private var foundKeys: ClusterKeys?
  private let readFile: (String) throws(ConfigurationError) -> [UInt8]
  /// In the order in which they were read first.
  private(set) var entries: [Entry] = []

  /// - Parameters:
  ///   - flags: values by the names of their settings.
  ///   - readFile: gives the bytes of a component file.
  init(
    environment: [String: String], flags: [String: String],
    readFile: @escaping (String) throws(ConfigurationError) -> [UInt8] = SettingReader.contents
  ) {
    self.environment = environment
    self.flags = flags
    self.readFile = readFile
  }

  /// The component file that says where the catalog is, if one is set. From now on it gives the values of settings that
  /// are neither flags nor in the environment.
  ///
  /// - Throws: ``ConfigurationError``, also where a setting that the file gives is set besides: which of both was meant
  ///   nobody could tell after the file was changed.
  mutating func stateStore() throws(ConfigurationError) -> StateStoreComponent? {
    if let component { return component }
    guard let file = try readOptional(Settings.stateStoreComponent) else { return nil }
    let found = try StateStoreComponent(try readFile(file), file: file)
    if found.store == .redis {
      let addresses = [Settings.redisSocket.name]
      for name in found.settings.keys.sorted() + addresses {
        guard let origin = given(name)?.origin else { continue }
        throw .refused(
          "\(name) (\(origin)) and STATE_STORE_COMPONENT (\(file)) both say where the catalog is: set one of them")
      }
    }
    component = found
    return found
  }

  /// The keys of the cluster, the same for all roles of a process, which so stretches the secret once; nil where no secret
  /// is set.
  ///
  /// - Throws: ``ConfigurationError``, also where the secret is easy to guess.
  mutating func clusterKeys() throws(ConfigurationError) -> ClusterKeys? {
    if let foundKeys { return foundKeys }
    guard let text = try readOptional(Settings.clusterSecret) else { return nil }
    do throws(ClusterSecret.Weakness) {
      let keys = ClusterKeys(try ClusterSecret(text))
      foundKeys = keys
      return keys
    } catch {
      throw .refused(
        "\(Settings.clusterSecret.name) \(error). Set it to what `cairn secret` prints, the same on all coordinators and nodes"
      )
    }
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
      let shown = setting.isSecret ? Self.hidden : text
      throw .invalid(name: setting.name, value: shown, origin: origin, allowed: setting.allowed)
    }
    note(Entry(name: setting.name, value: setting.isSecret ? Self.hidden : text, origin: origin))
    return value
  }

  private static let hidden = "********"

  /// Roles in one process may read a setting each.
  private mutating func note(_ entry: Entry) {
    guard let place = entries.firstIndex(where: { $0.name == entry.name }) else { return entries.append(entry) }
    if entries[place].value.isEmpty { entries[place] = entry }
  }

  private func lookup<Value>(_ setting: Setting<Value>) -> (String, SettingOrigin)? {
    if let given = given(setting.name) { return given }
    if let value = component?.settings[setting.name] { return (value.text, value.origin) }
    return setting.fallback.map { ($0, .fallback) }
  }

  /// What a flag or the environment says.
  private func given(_ name: String) -> (text: String, origin: SettingOrigin)? {
    if let text = flags[name] { return (text, .flag) }
    // An empty variable is how Compose passes one that is not set.
    if let text = environment[name], !text.isEmpty { return (text, .environment) }
    return nil
  }
}
