import CairnModel
import Testing

@Suite struct ClusterSecretTests {
  private static let good = "c0ffee5eed1e55decafbad0ddba11deed0fa7e5c0de"

  @Test(
    arguments: [
      ("", .short(count: 0)), ("a", .short(count: 1)), ("hush, this is a secret", .short(count: 22)),
      (String(good.prefix(31)), .short(count: 31)),
      ("change-me-change-me-change-me-change-me", .wellKnown("changeme")),
      ("CHANGE_ME-9f8a7s6d5f4g3h2j1k0l9q8w7e6r5t", .wellKnown("changeme")),
      ("my cluster secret is this long sentence", .wellKnown("clustersecret")),
      ("correct horse battery staple, four words", .wellKnown("correcthorsebattery")),
      (String(repeating: "a", count: 64), .repetitive), (String(repeating: "ab", count: 32), .repetitive),
      (String(repeating: "0123456789", count: 5), .repetitive),
      (String(repeating: "k9#Lq2!vT7@x", count: 3), .repetitive),
      ("abcdefghijklmnopqrstuvwxyz0123456789", .repetitive), ("zyxwvutsrqponmlkjihgfedcba9876543210", .repetitive),
      ("aabbccddeeffgghhiijjkkllmmnnooppqqrr", .repetitive),
    ] as [(String, ClusterSecret.Weakness)]) func guessableSecretsAreRefused(
      _ text: String, _ weakness: ClusterSecret.Weakness
    )
  {
    #expect(throws: weakness) { try ClusterSecret(text) }
  }

  @Test(arguments: [good, String(good.prefix(32)), "Wind über Wasser, neun Boote und 1 Leuchtturm"])
  func othersAreTaken(_ text: String) throws {
    _ = try ClusterSecret(text)
  }

  @Test func aNewSecretIsGoodAndDiffersEachTime() throws {
    let secrets = (0..<100).map { _ in ClusterSecret.random() }
    #expect(Set(secrets).count == secrets.count)
    for secret in secrets {
      _ = try ClusterSecret(secret)
      #expect(secret.count == 64 && secret.allSatisfy { $0.isHexDigit })
    }
  }

  /// RFC 7914, section 11.
  @Test(
    arguments: [
      ("passwd", "salt", 1, "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc"),
      ("Password", "NaCl", 80_000, "4ddcd8f60b98be21830cee5ef22701f9641a4418d04c0414aeff08876b34ab56"),
    ]) func stretchingIsPBKDF2(_ password: String, _ salt: String, _ iterations: Int, _ key: String)
  {
    let made = ClusterKeys.stretch(Array(password.utf8), salt: Array(salt.utf8), iterations: iterations)
    #expect(hexadecimalString(made) == key)
  }

  @Test func eachPurposeHasAKeyOfItsOwnThatAllMembersGet() throws {
    let secret = try ClusterSecret(Self.good)
    let keys = ClusterKeys.Purpose.allCases.map(ClusterKeys(secret).key)
    #expect(Set(keys).count == keys.count)
    #expect(keys.allSatisfy { $0.count == 32 })
    #expect(ClusterKeys.Purpose.allCases.map(ClusterKeys(secret).key) == keys)
    let other = ClusterKeys(try ClusterSecret(Self.good + "!"))
    #expect(Set(ClusterKeys.Purpose.allCases.map(other.key)).isDisjoint(with: keys))
  }
}
