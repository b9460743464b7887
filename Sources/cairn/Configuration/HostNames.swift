import Foundation

/// A list of host names, as `ALLOWED_HOSTS` has it.
enum HostNames {
  /// Bytes of a host name, as DNS has it.
  private static let lengthAllowed = 1...253

  /// nil where something in the list can't be a host name, such as one with a port.
  static func parse(_ text: String) -> [String]? {
    let names = text.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces).lowercased() }
    return !names.isEmpty && names.allSatisfy(isAllowed) ? names : nil
  }

  private static func isAllowed(_ name: String) -> Bool {
    lengthAllowed.contains(name.utf8.count)
      && name.utf8.allSatisfy { byte in
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"),
          UInt8(ascii: "."), UInt8(ascii: "_"):
          true
        default: false
        }
      }
  }
}
