import CairnModel

/// A named value that an operator can set: by a flag, by an environment variable, or not at all.
struct Setting<Value: Sendable>: Sendable {
  /// The environment variable; the flag is the same in lower case with dashes.
  let name: String
  /// What is in force when nobody sets it, as text.
  let fallback: String?
  /// What is allowed, for people.
  let allowed: String
  /// Never print it.
  var isSecret = false
  let parse: @Sendable (String) -> Value?

  var flag: String { "--" + name.lowercased().replacing("_", with: "-") }
}

/// Why the configuration can't be used.
enum ConfigurationError: Error, CustomStringConvertible {
  case invalid(name: String, value: String, origin: SettingOrigin, allowed: String)
  case missing(name: String, reason: String)
  case refused(String)

  var description: String {
    switch self {
    case .invalid(let name, let value, let origin, let allowed):
      "\(name) is '\(value)' (\(origin)), allowed: \(allowed)"
    case .missing(let name, let reason): "\(name) is not set: \(reason)"
    case .refused(let reason): reason
    }
  }
}

/// Where a value comes from.
enum SettingOrigin: Hashable, Sendable, CustomStringConvertible {
  case flag
  case environment
  /// The name of a file, and a line of it.
  case file(String)
  case fallback

  var description: String {
    switch self {
    case .flag: "flag"
    case .environment: "environment"
    case .file(let place): place
    case .fallback: "default"
    }
  }
}

extension Setting where Value == String {
  static func text(_ name: String, default fallback: String? = nil, _ allowed: String, secret: Bool = false) -> Self {
    Setting(name: name, fallback: fallback, allowed: allowed, isSecret: secret) { $0.isEmpty ? nil : $0 }
  }
}

extension Setting where Value == Int {
  static func integer(_ name: String, default fallback: Int, _ range: ClosedRange<Int>) -> Self {
    Setting(name: name, fallback: "\(fallback)", allowed: "a number from \(range.lowerBound) to \(range.upperBound)") {
      Int($0).flatMap { range.contains($0) ? $0 : nil }
    }
  }
}

extension Setting where Value == Duration {
  static func seconds(_ name: String, default fallback: String, _ range: ClosedRange<Double>) -> Self {
    Setting(
      name: name, fallback: fallback,
      allowed: "seconds from \(range.lowerBound.plain) to \(range.upperBound.plain)"
    ) { Double($0).flatMap { range.contains($0) ? Duration.seconds($0) : nil } }
  }
}

extension Setting where Value == UInt64 {
  static func bytes(_ name: String, default fallback: String, _ range: ClosedRange<UInt64>) -> Self {
    Setting(
      name: name, fallback: fallback,
      allowed:
        "bytes from \(range.lowerBound) to \(range.upperBound), as a number with an optional K, M, G or T (1024 each)"
    ) { parseBytes($0).flatMap { range.contains($0) ? $0 : nil } }
  }

  private static func parseBytes(_ text: String) -> UInt64? {
    var digits = text.uppercased()
    for suffix in ["IB", "B"] as [ByteText] {
      if let rest = ByteText(digits).dropping(suffix: suffix) { digits = rest.string }
    }
    let units: [Character: UInt64] = ["K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40]
    var unit: UInt64 = 1
    if let last = digits.last, let factor = units[last] {
      unit = factor
      digits.removeLast()
    }
    guard let number = UInt64(digits) else { return nil }
    let (product, overflow) = number.multipliedReportingOverflow(by: unit)
    return overflow ? nil : product
  }
}

extension Setting where Value == Bool {
  static func flag(_ name: String) -> Self {
    Setting(name: name, fallback: "0", allowed: "1 or 0") { text in
      switch text.lowercased() {
      case "1", "true", "yes", "on": true
      case "0", "false", "no", "off": false
      default: nil
      }
    }
  }
}

extension Setting where Value: RawRepresentable & CaseIterable, Value.RawValue == String {
  static func choice(_ name: String, default fallback: Value) -> Self {
    Setting(
      name: name, fallback: fallback.rawValue,
      allowed: Value.allCases.map(\.rawValue).joined(separator: ", ")
    ) { Value(rawValue: $0.lowercased()) }
  }
}

extension Double {
  fileprivate var plain: String { self == rounded() ? "\(Int(self))" : "\(self)" }
}
