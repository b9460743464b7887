/// The text that the members of a cluster share, and nobody else knows (`CLUSTER_SECRET`).
///
/// It opens nothing by itself: keys are derived from it (``ClusterKeys``).
package struct ClusterSecret: Hashable, Sendable, CustomStringConvertible {
  /// Characters. Whoever overhears one token can try secrets against it at leisure, as many a second as their machines
  /// can; 32 characters of a random text are far more than can be tried.
  package static let lengthMin = 32
  /// Different characters: a random text of the shortest length has more, even one of hexadecimal digits.
  private static let differentCharactersMin = 8
  /// In lower case, without anything but letters and digits: from examples and default configurations.
  private static let wellKnown = [
    "changeme", "changethis", "replaceme", "yoursecret", "clustersecret", "sharedsecret", "mysecret", "secretkey",
    "supersecret", "topsecret", "correcthorsebattery", "placeholder", "example", "default", "password", "letmein",
    "qwerty", "loremipsum",
  ]

  let text: String
  /// Without the secret, for whoever logs it by mistake.
  package var description: String { "********" }

  /// Why a text is no good as a secret; a phrase that follows the name of the setting.
  package enum Weakness: Error, Hashable, Sendable, CustomStringConvertible {
    case short(count: Int)
    case wellKnown(String)
    case repetitive

    package var description: String {
      switch self {
      case .short(let count):
        "has \(count) character\(count == 1 ? "" : "s"), at least \(ClusterSecret.lengthMin) are needed"
      case .wellKnown(let words): "contains '\(words)', which anyone would try"
      case .repetitive: "repeats itself, so it is easy to guess"
      }
    }
  }

  /// - Throws: where `text` is easy to guess.
  package init(_ text: String) throws(Weakness) {
    let characters = Array(text.unicodeScalars)
    guard characters.count >= Self.lengthMin else { throw .short(count: characters.count) }
    let plain = text.lowercased().filter { $0.isASCII && ($0.isLetter || $0.isNumber) }
    if let words = Self.wellKnown.first(where: { plain.contains($0) }) { throw .wellKnown(words) }
    guard !Self.isRepetitive(characters.map(\.value)) else { throw .repetitive }
    self.text = text
  }

  /// Whether a text has few different characters, consists of the same piece over and over, or mostly counts up, counts
  /// down or stands still.
  private static func isRepetitive(_ characters: [UInt32]) -> Bool {
    guard Set(characters).count >= differentCharactersMin else { return true }
    for period in 1...characters.count / 2 where zip(characters, characters.dropFirst(period)).allSatisfy(==) {
      return true
    }
    let steps = zip(characters, characters.dropFirst()).count { $0.0 == $0.1 || $0.0 &+ 1 == $0.1 || $0.0 == $0.1 &+ 1 }
    return steps > characters.count / 2
  }

  /// A new secret: 256 bits of the system's generator, as letters and digits that mean nothing special in a URL, a shell
  /// or an environment file.
  package static func random() -> String {
    var generator = SystemRandomNumberGenerator()
    let words = (0..<4).map { _ in generator.next() as UInt64 }
    return words.map(\.hexadecimal).joined()
  }
}
