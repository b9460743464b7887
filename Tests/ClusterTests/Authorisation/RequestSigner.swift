import CairnS3
import Crypto
import Foundation
import NIOHTTP1

/// Signs requests as S3 clients do, without a process for each of them.
struct RequestSigner {
  private static let payload = "UNSIGNED-PAYLOAD"

  let key: PrintedKey

  /// The header lines of a signed request.
  ///
  /// - Parameters:
  ///   - target: path and query, percent-encoded.
  ///   - headers: more lines, all of which are signed.
  func headers(
    _ method: String, _ target: String, host: String = "127.0.0.1", _ headers: [String] = [], now: Date = Date()
  ) throws -> [String] {
    let format = Date.ISO8601FormatStyle(dateSeparator: .omitted, timeSeparator: .omitted, timeZone: .gmt)
    let time = now.formatted(format)
    let scope = "\(time.prefix(8))/us-east-1/s3/aws4_request"
    let lines = headers + ["x-amz-content-sha256: \(Self.payload)", "x-amz-date: \(time)"]
    var fields = HTTPHeaders([("host", host)])
    for line in lines {
      let parts = line.split(separator: ":", maxSplits: 1)
      fields.add(name: parts[0].lowercased(), value: parts[1].trimmingCharacters(in: .whitespaces))
    }
    let names = Set(fields.map(\.name)).sorted()
    let parts = target.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
    let canonical = try CanonicalRequest.bytes(
      of: SignableRequest(method: method, path: parts[0], query: parts.count > 1 ? parts[1] : "", headers: fields),
      signedHeaders: names.map { $0[...] }, payload: Self.payload)
    let text = ["AWS4-HMAC-SHA256", time, scope, hexadecimal(SHA256.hash(data: canonical))].joined(separator: "\n")
    var code = Array("AWS4\(self.key.secret)".utf8)
    for part in scope.split(separator: "/").map({ Array($0.utf8) }) + [Array(text.utf8)] {
      code = Array(HMAC<SHA256>.authenticationCode(for: part, using: SymmetricKey(data: code)))
    }
    let signature = hexadecimal(code)
    return lines + [
      "Authorization: AWS4-HMAC-SHA256 Credential=\(self.key.id)/\(scope),"
        + "SignedHeaders=\(names.joined(separator: ";")),Signature=\(signature)"
    ]
  }

  private func hexadecimal(_ bytes: some Sequence<UInt8>) -> String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }
}
