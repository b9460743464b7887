import CairnHTTP
import CairnModel
import CairnObjects

/// Whether callers of the native API must have a key.
enum AccessMode: String, CaseIterable, Sendable {
  case required, off
}

/// Who may use a process that answers clients.
struct AccessConfiguration {
  /// Callers of the native API must have a key.
  var isRequired: Bool
  /// Names of this machine that the configuration tells.
  var ownNames: [String]
  /// Names of this server whose web pages may change something where nobody must have a key.
  var allowedHosts: [String]
  /// A domain of this server with all its sub-domains.
  var domain: String?
  /// Whoever has no key may do everything; never where everybody must have one.
  var allowsAnonymous: Bool
  /// A key that may do everything.
  var firstKey: AccessKey?
  /// The one that signatures must name.
  var region: String
  /// What the secrets of access keys are encrypted with; nil where no cluster secret is set.
  var clusterKeys: ClusterKeys?

  /// - Parameter host: that the process listens on.
  init(_ reader: inout SettingReader, host: String) throws(ConfigurationError) {
    isRequired = try reader.read(Settings.access) == .required
    let allowsAnonymous = try reader.read(Settings.allowAnonymous)
    self.allowsAnonymous = allowsAnonymous && !isRequired
    region = try reader.read(Settings.s3Region)
    ownNames = [host]
    domain = try reader.readOptional(Settings.s3Domain)
    allowedHosts = try reader.readOptional(Settings.allowedHosts) ?? []
    clusterKeys = try reader.clusterKeys()
    let id = try reader.readOptional(Settings.accessKey)
    let secret = try reader.readOptional(Settings.secretKey)
    switch (id, secret) {
    case (let id?, let secret?):
      firstKey = AccessKey(id: AccessKeyID(id), secret: secret, grants: S3Grants(everywhere: .all))
    case (nil, nil): firstKey = nil
    case (_?, nil): throw .missing(name: Settings.secretKey.name, reason: "ACCESS_KEY is, and each needs the other")
    case (nil, _?): throw .missing(name: Settings.accessKey.name, reason: "SECRET_KEY is, and each needs the other")
    }
    guard isRequired || allowsAnonymous || ListenAddress.isLoopback(host) else {
      throw .refused(
        "HOST is '\(host)': without AUTH=required anyone who reaches this address can read, write and delete files. Set AUTH=required, or ALLOW_ANONYMOUS=1"
      )
    }
  }
}

extension ListenAddress {
  /// Whether only the machine itself reaches a host.
  static func isLoopback(_ host: String) -> Bool {
    ["127.0.0.1", "::1", "localhost"].contains(host)
      || host.utf8.starts(with: "127.".utf8)
        && host.utf8.allSatisfy { $0 == UInt8(ascii: ".") || (0x30...0x39).contains($0) }
  }
}
