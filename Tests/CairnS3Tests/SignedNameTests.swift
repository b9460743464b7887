import CairnHTTP
import CairnS3
import CairnTestSupport
import NIOHTTP1
import Testing

/// A signature is good for one resource, however path and query are encoded: whatever texts a service takes for a target,
/// it takes none of them for a target that means something else.
@Suite struct SignedNameTests {
  private static let count = 15_000

  private static let pieces: [SigningService: [String]] = [
    .s3: [
      "a", "/", "%2F", "%2f", "%252F", "%25", "%", "2F", "25", "%20", "+", "%2B", "~", "%7E", "%61", "..", "%C3%B6",
      "ö",
    ],
    .cairn: [
      "a", "/", "//", "%2F", "%2f", "%252F", "%25", "%", "2F", "25", "20", "%20", "%2520", "%252520", "+", "%2B", "@",
      "%40", "%2540", "~", "%7E", "%257E", "%61", "/status", "%2Fstatus", "/complete", "ö", "%C3%B6",
    ],
  ]
  private static let queryPieces = [
    "a", "b", "=", "=", "&", "&", "%26", "%3D", "%3d", "%253D", "+", "%20", "%2B", "%25", "%", "26", "3D", "%61", "~",
    "%7E", "/", "%2F", "acl", "ö", "%C3%B6",
  ]

  private static func random(_ pieces: [String], _ random: inout SeededGenerator) -> String {
    (0..<Int.random(in: 0...4, using: &random)).map { _ in pieces.randomElement(using: &random) ?? "" }.joined()
  }

  /// The line of each text that a service takes as the signed one; none for what is refused anyway.
  private static func signedLines(
    _ encodings: [CanonicalRequest.Encoding], path: String, query: String, line: Int
  ) -> Set<String> {
    let request = SignableRequest(method: "GET", path: path[...], query: query[...], headers: [:])
    var lines: Set<String> = []
    for encoding in encodings {
      guard
        let text = try? CanonicalRequest.bytes(of: request, signedHeaders: [], payload: "", encoding: encoding)
      else { return [] }
      lines.insert(String(decoding: text.split(separator: 0x0A, omittingEmptySubsequences: false)[line], as: UTF8.self))
    }
    return lines
  }

  private static func encodings(_ service: SigningService, path: String) -> [CanonicalRequest.Encoding] {
    [service.encoding] + service.otherEncodings(path: path[...])
  }

  private struct Outcome {
    /// Texts that are taken for several targets.
    var shared = 0
    /// Two targets that mean different things and a text that is taken for both; nil where there are none.
    var confusion: String?
  }

  /// Goes through random targets.
  ///
  /// - Parameters:
  ///   - lines: that are taken as signed.
  ///   - meaning: of the target; nil where it is refused.
  private static func check<Meaning: Hashable>(
    _ random: inout SeededGenerator, _ make: (inout SeededGenerator) -> String, lines: (String) -> Set<String>,
    meaning: (String) -> Meaning?
  ) -> Outcome {
    var known: [String: (target: String, meaning: Meaning)] = [:]
    var seen: Set<String> = []
    var outcome = Outcome()
    for _ in 0..<count {
      let target = make(&random)
      guard seen.insert(target).inserted, let meaning = meaning(target) else { continue }
      for line in lines(target) {
        guard let other = known[line] else {
          known[line] = (target, meaning)
          continue
        }
        outcome.shared += 1
        guard other.meaning != meaning else { continue }
        outcome.confusion = "'\(target)' and '\(other.target)': '\(line)'"
        return outcome
      }
    }
    return outcome
  }

  @Test func noSignatureIsGoodForTwoObjectsOfS3() throws {
    var random = SeededGenerator.forTest()
    for (host, domain) in [("s3.example.org", nil), ("bucket.s3.example.org", "s3.example.org")] as [(String, String?)]
    {
      let outcome = Self.check(
        &random, { ($0.next() % 4 > 0 ? "/bucket/" : "/") + Self.random(Self.pieces[.s3] ?? [], &$0) },
        lines: { Self.signedLines(Self.encodings(.s3, path: $0), path: $0, query: "", line: 1) },
        meaning: { try? S3Resource(host: host, path: $0[...], domain: domain) })
      #expect(outcome.confusion == nil && outcome.shared > 50)
    }
  }

  /// Stricter than the routes of the native port: segments of the path, decoded.
  private static func checkNative(
    _ random: inout SeededGenerator, _ encodings: (String) -> [CanonicalRequest.Encoding]
  ) -> Outcome {
    check(
      &random, { "/" + ($0.next() % 2 == 0 ? "blob/" : "") + Self.random(Self.pieces[.cairn] ?? [], &$0) },
      lines: { signedLines(encodings($0), path: $0, query: "", line: 1) },
      meaning: { path -> [[UInt8]]? in
        let segments = path[...].split(separator: "/", omittingEmptySubsequences: false).map {
          PercentCoding.decode($0)
        }
        return segments.contains(nil) ? nil : segments.compactMap(\.self)
      })
  }

  @Test func noSignatureIsGoodForTwoPathsOfTheNativePort() {
    var random = SeededGenerator.forTest()
    let outcome = Self.checkNative(&random) { Self.encodings(.cairn, path: $0) }
    #expect(outcome.confusion == nil && outcome.shared > 50)
  }

  /// What the native port must not take, and that this test would see it.
  @Test(arguments: [[CanonicalRequest.Encoding.anew], [.twice, .verbatim]])
  func otherRulesWouldTakeOneSignatureForTwoPaths(_ encodings: [CanonicalRequest.Encoding]) {
    var random = SeededGenerator.forTest()
    #expect(Self.checkNative(&random) { _ in encodings }.confusion != nil)
  }

  @Test(arguments: SigningService.allCases) func noSignatureIsGoodForTwoQueries(_ service: SigningService) {
    var random = SeededGenerator.forTest()
    let outcome = Self.check(
      &random, { Self.random(Self.queryPieces, &$0) },
      lines: { Self.signedLines(Self.encodings(service, path: "/a"), path: "/a", query: $0, line: 2) },
      meaning: { query -> [[UInt8]: [UInt8]]? in
        // As the server reads it; a parameter without a name means nothing.
        guard QueryParameters(query[...]) != nil else { return nil }
        var values: [[UInt8]: [UInt8]] = [:]
        for pair in query[...].split(separator: "&") {
          let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
          let name = PercentCoding.decode(parts[0], plusIsSpace: true) ?? []
          let value = parts.count > 1 ? PercentCoding.decode(parts[1], plusIsSpace: true) ?? [] : []
          if !name.isEmpty, values[name] == nil { values[name] = value }
        }
        return values
      })
    #expect(outcome.confusion == nil && outcome.shared > 50)
  }
}
