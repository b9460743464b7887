import Foundation

/// Amounts as people read them.
enum Amounts {
  private static let gibibyte = Double(1 << 30)

  /// `12.3 GiB`.
  static func gibibytes(_ bytes: UInt64) -> String {
    String(format: "%.1f GiB", Double(bytes) / gibibyte)
  }

  /// `13 bytes`, `12.3 MiB`.
  static func bytes(_ bytes: UInt64) -> String {
    guard bytes >= 1024 else { return bytes == 1 ? "1 byte" : "\(bytes) bytes" }
    var amount = Double(bytes) / 1024
    var units = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"][...]
    while amount >= 1024, units.count > 1 {
      amount /= 1024
      units.removeFirst()
    }
    return String(format: "%.1f", amount) + " " + (units.first ?? "")
  }

  /// `12.3 MiB/s`.
  static func rate(_ bytes: UInt64) -> String {
    String(format: "%.1f MiB/s", Double(bytes) / Double(1 << 20))
  }

  /// `35%`.
  static func share(_ part: UInt64, of whole: UInt64) -> String {
    whole == 0 ? "-" : String(format: "%.0f%%", Double(part) / Double(whole) * 100)
  }

  /// `45s`, `3m 05s`, `2h 10m`, `4d 03h`.
  static func time(seconds: UInt64) -> String {
    switch seconds {
    case 0..<60: "\(seconds)s"
    case 60..<3600: String(format: "%dm %02ds", seconds / 60, seconds % 60)
    case 3600..<86_400: String(format: "%dh %02dm", seconds / 3600, seconds / 60 % 60)
    default: String(format: "%dd %02dh", seconds / 86_400, seconds / 3600 % 24)
    }
  }
}
