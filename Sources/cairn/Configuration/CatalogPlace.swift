import CairnCatalog
import CairnModel
import Foundation

/// Where a catalog is, as `cairn catalog copy` is told.
enum CatalogPlace {
  case redis(RedisConfiguration)
  case sqlite(path: String)

  static let allowed =
    "sqlite:PATH, redis://[[USER]:PASSWORD@]HOST[:PORT][/DATABASE], or the path of a Dapr component file"

  /// - Parameter environment: gives a password that a component file leaves out.
  /// - Throws: ``ConfigurationError``. It never repeats an address, which may hold a password.
  init(_ text: String, environment: [String: String]) throws(ConfigurationError) {
    if let path = ByteText(text).dropping("sqlite:")?.string {
      guard !path.isEmpty, !path.utf8.contains(0) else {
        throw .refused("'sqlite:' needs a path, allowed: \(Self.allowed)")
      }
      self = .sqlite(path: path)
    } else if ByteText(text).starts(with: "redis:") {
      self = .redis(try RedisConfiguration(url: text))
    } else if !text.contains("://") {
      let names = [Settings.redisPassword.name, Settings.redisUsername.name]
      var reader = SettingReader(
        environment: environment.filter { names.contains($0.key) },
        flags: [Settings.stateStoreComponent.name: text])
      if case .sqlite(let path) = try reader.stateStore()?.store {
        self = .sqlite(path: path)
      } else {
        self = .redis(try RedisConfiguration(&reader))
      }
    } else {
      throw .refused("unknown kind of catalog, allowed: \(Self.allowed)")
    }
  }
}

extension RedisConfiguration {
  fileprivate init(url text: String) throws(ConfigurationError) {
    guard let url = URLComponents(string: text), url.scheme == "redis", url.query == nil, url.fragment == nil,
      let host = url.host?.trimmingCharacters(in: ["[", "]"]), !host.isEmpty,
      let port = Settings.redisPort.parse("\(url.port ?? 6379)")
    else {
      throw .refused(
        "the address of Redis is not understood, allowed: redis://[[USER]:PASSWORD@]HOST[:PORT][/DATABASE]")
    }
    self.init(address: .host(host, port: port))
    if let user = url.user, !user.isEmpty { username = user }
    if let given = url.password, !given.isEmpty { password = given }
    let path = url.path.trimmingCharacters(in: ["/"])
    guard !path.isEmpty else { return }
    guard let number = Settings.redisDatabase.parse(path) else {
      throw .refused("the address of Redis ends with '/\(path)', allowed: \(Settings.redisDatabase.allowed)")
    }
    database = number
  }
}
