import CairnS3
import CairnTestSupport
import Foundation
import NIOCore
import NIOHTTP1
import Testing

extension S3Suite {
  /// Verification against botocore, which signs on its own.
  @Suite struct SignatureFuzzTests {
    private struct Start: Decodable {
      var now: Int
    }

    private struct Case: Decodable {
      var kind: String
      var method: String
      var path: String
      var query: String
      var headers: [[String]]
      var secret: String
      var region: String
      var body: Data
      var framed: Data?

      var request: SignableRequest {
        SignableRequest(
          method: method, path: path[...], query: query[...], headers: HTTPHeaders(headers.map { ($0[0], $0[1]) }))
      }
    }

    private static let count = 400

    @Test func whatBotocoreSignsIsTakenAndNothingElse() async throws {
      var random = SeededGenerator.forTest()
      let seed = random.next() >> 1
      let output = try await S3Clients.run("botocore_signer.py", ["\(seed)", "\(Self.count)"])
      let lines = output.split(separator: "\n").map { Data($0.utf8) }
      let start = try JSONDecoder().decode(Start.self, from: try #require(lines.first))
      #expect(lines.count == Self.count + 1)
      for (index, line) in lines.dropFirst().enumerated() {
        let example = try JSONDecoder().decode(Case.self, from: line)
        let label = Comment(rawValue: "case \(index): \(String(decoding: line, as: UTF8.self).prefix(2000))")
        let request = example.request
        let claim: SignatureClaim
        let key: SigningKey
        do {
          claim = try #require(try SignatureClaim(request, service: .s3, region: example.region, now: start.now), label)
          key = SigningKey(secret: example.secret, scope: claim.credential.scope)
          try claim.verify(request, key: key)
        } catch {
          Issue.record(error, label)
          continue
        }
        // One changed character of what is signed is enough.
        var changed = request
        changed.path += "x"
        #expect(throws: SignatureError.self, label) { try claim.verify(changed, key: key) }
        changed = request
        changed.query += (changed.query.isEmpty ? "" : "&") + "x=1"
        #expect(throws: SignatureError.self, label) { try claim.verify(changed, key: key) }
        #expect(throws: SignatureError.self, label) {
          try claim.verify(request, key: SigningKey(secret: example.secret + "x", scope: claim.credential.scope))
        }
        if let framed = example.framed { try check(framed, of: example, claim, key, label, &random) }
      }
    }

    /// Decodes the framed body in random pieces, as it is and with one bit changed.
    private func check(
      _ framed: Data, of example: Case, _ claim: SignatureClaim, _ key: SigningKey, _ label: Comment,
      _ random: inout SeededGenerator
    ) throws {
      let isSigned = example.kind.hasPrefix("chunks")
      let decoder = AWSChunkedDecoder(
        length: UInt64(example.body.count), expectsTrailer: example.kind.hasSuffix("+trailer"),
        signatures: isSigned ? ChunkSignatures(claim, key: key) : nil)
      let (payload, trailers) = try decode(framed, decoder, &random)
      #expect(payload == example.body, label)
      #expect(trailers.count == (example.kind.hasSuffix("+trailer") ? 1 : 0), label)
      guard isSigned else { return }
      var changed = framed
      let place = Int.random(in: 0..<framed.count, using: &random)
      changed[changed.startIndex + place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
      // A changed line break, size or digit may mean the same; the bytes must not differ then.
      if let (payload, found) = try? decode(changed, decoder, &random) {
        #expect(payload == example.body, "byte \(place): \(label)")
        #expect(found.map { "\($0.name):\($0.value)" } == trailers.map { "\($0.name):\($0.value)" }, label)
      }
    }

    private func decode(
      _ body: Data, _ decoder: AWSChunkedDecoder, _ random: inout SeededGenerator
    ) throws -> (payload: Data, trailers: HTTPHeaders) {
      var decoder = decoder
      var payload = Data()
      var rest = body[...]
      while !rest.isEmpty {
        let piece = rest.prefix(Int.random(in: 1...max(1, rest.count / 2), using: &random))
        rest = rest.dropFirst(piece.count)
        var input = ByteBuffer(bytes: piece)
        while case .payload(let bytes) = try decoder.next(&input) {
          payload.append(contentsOf: bytes.readableBytesView)
        }
      }
      try decoder.finish()
      return (payload, decoder.trailers)
    }
  }
}
