import CairnHTTP
import CairnModel

/// Where the catalog's database is, as a Dapr component file says it (`STATE_STORE_COMPONENT`).
struct StateStoreComponent: Equatable {
  enum Store: Equatable {
    case redis
    /// The file, of `state.sqlite`.
    case sqlite(path: String)
  }

  /// A setting that the file gives, and where.
  struct Value: Equatable {
    let text: String
    let origin: SettingOrigin
  }

  let file: String
  let store: Store
  /// Where the type stands.
  let line: Int
  /// Of `state.redis`: values by the names of their settings.
  let settings: [String: Value]

  /// Bytes. Real ones have a few hundred.
  static let fileSizeMax = 64 << 10

  /// What each type may say in `spec.metadata`. `actorStateStore`, which is in Dapr's own examples, means nothing here.
  private static let keysOfTypes = [
    "state.redis": ["redisHost", "redisPassword", "redisUsername", "redisDB", "actorStateStore"],
    "state.sqlite": ["connectionString", "actorStateStore"],
  ]
  private static let portDefault = "6379"

  /// - Parameters:
  ///   - text: the bytes of the file.
  ///   - file: its name, for errors.
  /// - Throws: ``ConfigurationError`` with file, line, and what is allowed.
  init(_ text: [UInt8], file: String) throws(ConfigurationError) {
    let reader = ComponentReader(file: file)
    let document: YAMLValue
    do throws(YAMLError) {
      document = try YAMLValue(document: text)
    } catch {
      throw reader.error(error.line, error.reason)
    }
    let top = try reader.map(document, "the file", ["apiVersion", "kind", "metadata", "spec", "scopes", "auth"])
    try reader.text(top, "apiVersion", in: document, mustBe: "dapr.io/v1alpha1")
    try reader.text(top, "kind", in: document, mustBe: "Component")
    let specification = try reader.value(top, "spec", in: document)
    let spec = try reader.map(
      specification, "spec", ["type", "version", "metadata", "ignoreErrors", "initTimeout"])
    let type = try reader.value(spec, "type", in: specification)
    let types = Self.keysOfTypes.keys.sorted()
    guard case .scalar(let name) = type.content, let keys = Self.keysOfTypes[name] else {
      throw reader.error(type.line, "spec.type must be one of: \(types.joined(separator: ", "))")
    }
    let values = try reader.items(try reader.value(spec, "metadata", in: specification), keys)
    self.file = file
    line = type.line
    if name == "state.redis" {
      store = .redis
      settings = try Self.redis(values, reader, type.line)
    } else {
      store = .sqlite(path: try Self.sqlitePath(values, reader, type.line))
      settings = [:]
    }
  }

  private static func redis(
    _ values: [String: YAMLValue], _ reader: ComponentReader, _ line: Int
  ) throws(ConfigurationError) -> [String: Value] {
    guard let given = values["redisHost"] else {
      throw reader.error(line, "spec.metadata has no redisHost, the HOST:PORT of Redis")
    }
    let host = try reader.text(given, "redisHost")
    let isWithoutPort = !host.contains(":")
    guard let address = ListenAddress(isWithoutPort ? "\(host):\(portDefault)" : host) else {
      throw reader.error(given.line, "redisHost is '\(host)', allowed: HOST:PORT")
    }
    var settings: [String: Value] = [:]
    func set(_ name: String, _ text: String, _ line: Int) {
      settings[name] = Value(text: text, origin: .file("\(reader.file):\(line)"))
    }
    set(Settings.redisHost.name, address.host, given.line)
    set(Settings.redisPort.name, "\(address.port)", given.line)
    let others = [
      ("redisPassword", Settings.redisPassword.name), ("redisUsername", Settings.redisUsername.name),
      ("redisDB", Settings.redisDatabase.name),
    ]
    for (key, setting) in others {
      // An empty value is how Dapr's own files leave one out.
      guard let value = values[key] else { continue }
      let text = try reader.text(value, key)
      if !text.isEmpty { set(setting, text, value.line) }
    }
    return settings
  }

  private static func sqlitePath(
    _ values: [String: YAMLValue], _ reader: ComponentReader, _ line: Int
  ) throws(ConfigurationError) -> String {
    guard let given = values["connectionString"] else {
      throw reader.error(line, "spec.metadata has no connectionString, the path of the database file")
    }
    let text = try reader.text(given, "connectionString")
    let path = ByteText(text).dropping("file:")?.string ?? text
    guard !path.isEmpty, !path.contains("?"), !path.contains(":memory:"), !path.utf8.contains(0) else {
      throw reader.error(
        given.line,
        "connectionString is '\(text)', allowed: the path of a file, without options; 'file:' may stand before"
      )
    }
    return path
  }
}

/// Takes the values of a component file apart.
private struct ComponentReader {
  let file: String

  func error(_ line: Int, _ reason: String) -> ConfigurationError {
    .refused("STATE_STORE_COMPONENT: \(file), line \(line): \(reason)")
  }

  func map(
    _ value: YAMLValue, _ name: String, _ allowed: [String]
  ) throws(ConfigurationError) -> [String: YAMLValue] {
    let list = allowed.joined(separator: ", ")
    guard case .map(let entries) = value.content else {
      throw error(value.line, "\(name) is \(value.kind), allowed: a mapping with \(list)")
    }
    for entry in entries where !allowed.contains(entry.key) {
      throw error(entry.line, "\(name) has the unknown key '\(entry.key)', allowed: \(list)")
    }
    return Dictionary(entries.map { ($0.key, $0.value) }) { first, _ in first }
  }

  func value(
    _ map: [String: YAMLValue], _ key: String, in parent: YAMLValue
  ) throws(ConfigurationError) -> YAMLValue {
    guard let value = map[key] else { throw error(parent.line, "the key '\(key)' is missing") }
    return value
  }

  func text(_ value: YAMLValue, _ name: String) throws(ConfigurationError) -> String {
    guard case .scalar(let text) = value.content else {
      throw error(value.line, "\(name) is \(value.kind), allowed: a text")
    }
    return text
  }

  func text(
    _ map: [String: YAMLValue], _ key: String, in parent: YAMLValue, mustBe expected: String
  ) throws(ConfigurationError) {
    let value = try value(map, key, in: parent)
    let text = try text(value, key)
    guard text == expected else { throw error(value.line, "\(key) is '\(text)', allowed: \(expected)") }
  }

  /// The list of names and values that `spec.metadata` is.
  func items(_ list: YAMLValue, _ allowed: [String]) throws(ConfigurationError) -> [String: YAMLValue] {
    guard case .list(let items) = list.content else {
      throw error(list.line, "spec.metadata is \(list.kind), allowed: a list of name and value")
    }
    var values: [String: YAMLValue] = [:]
    for item in items {
      let entry = try map(item, "an item of spec.metadata", ["name", "value"])
      let name = try text(try value(entry, "name", in: item), "name")
      guard allowed.contains(name) else {
        throw error(item.line, "'\(name)' is unknown here, allowed: \(allowed.joined(separator: ", "))")
      }
      guard values.updateValue(try value(entry, "value", in: item), forKey: name) == nil else {
        throw error(item.line, "'\(name)' comes twice")
      }
    }
    return values
  }
}
