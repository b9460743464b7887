internal import Crypto
internal import Foundation
package import NIOCore

/// Makes and checks the tokens that prove that a request to a node comes from its cluster: HMAC-SHA256, with a key that
/// only members of the cluster have.
///
///     Authorization: Cairn SECONDS:HEAD[:RECORD]
///
/// `HEAD` covers the node, the time, the method, the path, the query, the length of the body and the range; a node
/// checks it before it reads a byte of the body. `RECORD`, where a record is sent, covers all that and the record's
/// prefix (its header and metadata).
///
/// What this protects against somebody between coordinator and node:
/// - Nobody without the key can make a request, or change one: not the target, not the parameters, not which record is
///   written, under which name, with which attributes, or how long it is.
/// - The payload is covered by the CRC-32C in the record's header only. That finds accidents; somebody who can change
///   bytes under way can choose a payload of the same length with the same CRC-32C.
///
/// What stays open until the connections between the machines are encrypted:
/// - A request that was overheard is accepted again for ``toleranceSeconds``, by the node that it was meant for.
///   Creating, appending, sealing and restoring are idempotent; a repeated `DELETE /volumes/V` deletes the replica again
///   where the volume has come back to the same node meanwhile.
/// - Answers carry no token: they can be read, and changed under way.
///
/// `@unchecked`: Crypto's HMAC is a value that is not marked Sendable.
package struct NodeTokens: @unchecked Sendable {
  /// Seconds that a token may be off the node's clock, either way.
  package static let toleranceSeconds: UInt64 = 300
  private static let scheme = "Cairn "
  private static let separator = UInt8(ascii: ":")

  /// What a token is good for.
  package struct Request: Sendable {
    package var node: NodeID
    package var method: String
    /// As they are sent, without the `?` between them.
    package var path: Substring
    package var query: Substring
    /// Bytes; nil for a body whose length is not announced, for which there is no token.
    package var bodyLength: UInt64?
    /// The value of `Range`; empty where there is none.
    package var range: String

    package init(
      node: NodeID, method: String, path: Substring, query: Substring, bodyLength: UInt64?, range: String
    ) {
      self.node = node
      self.method = method
      self.path = path
      self.query = query
      self.bodyLength = bodyLength
      self.range = range
    }
  }

  /// A request whose head came from a member of the cluster.
  package struct Verified: @unchecked Sendable {
    /// Has taken the head.
    fileprivate let hmac: HMAC<SHA256>
    fileprivate let recordCode: [UInt8]?

    /// Whether the request was made to send this record. Takes the same time wherever the difference is.
    ///
    /// - Parameter prefix: the header and the metadata of the record that came.
    package func covers(recordPrefix prefix: ByteBuffer) -> Bool {
      guard let recordCode else { return false }
      var hmac = hmac
      hmac.update(prefix)
      return hmac.finalize() == recordCode
    }
  }

  /// With the key and without a text: copied for each token, which saves the preparation of the key.
  private let empty: HMAC<SHA256>

  /// - Parameter key: random bytes that only members of the cluster have.
  package init(key: [UInt8]) {
    empty = HMAC(key: SymmetricKey(data: key))
  }

  /// The value of `Authorization` for a request.
  ///
  /// - Parameter prefix: the header and the metadata of the record that is sent; nil where none is.
  package func authorization(
    for request: Request, recordPrefix prefix: ByteBuffer? = nil, at time: Timestamp = .now()
  ) -> String {
    let seconds = time.secondsSinceEpoch
    var hmac = hmac(of: request, seconds)
    let head = hmac.finalize().withUnsafeBytes { hexadecimalString($0) }
    guard let prefix else { return "\(Self.scheme)\(seconds):\(head)" }
    hmac.update(prefix)
    return "\(Self.scheme)\(seconds):\(head):\(hmac.finalize().withUnsafeBytes { hexadecimalString($0) })"
  }

  /// What a token proves; nil where it was not made for this request, by a member of the cluster, and lately. The
  /// comparison takes the same time wherever the difference is.
  package func verify(_ authorization: String?, for request: Request, at time: Timestamp = .now()) -> Verified? {
    guard let token = authorization?.utf8, token.starts(with: Self.scheme.utf8) else { return nil }
    var rest = token.dropFirst(Self.scheme.utf8.count)
    guard let seconds = UInt64(Substring(Self.cutField(&rest))),
      let headCode = bytes(hexadecimal: Substring(Self.cutField(&rest)))
    else { return nil }
    let now = time.secondsSinceEpoch
    guard max(now, seconds) - min(now, seconds) <= Self.toleranceSeconds else { return nil }
    let hmac = hmac(of: request, seconds)
    guard hmac.finalize() == headCode else { return nil }
    return Verified(hmac: hmac, recordCode: rest.isEmpty ? nil : bytes(hexadecimal: Substring(rest)))
  }

  /// Takes what stands before the next separator, and the separator.
  private static func cutField(_ rest: inout Substring.UTF8View) -> Substring.UTF8View {
    let end = rest.firstIndex(of: separator) ?? rest.endIndex
    defer { rest = rest[end...].dropFirst() }
    return rest[..<end]
  }

  /// Takes the head. Each text has its length in front, so no head is the beginning of another one, or of another one's
  /// head and record.
  private func hmac(of request: Request, _ seconds: UInt64) -> HMAC<SHA256> {
    var head = FieldWriter(capacity: 192)
    head.write(request.node.bits)
    head.write(seconds)
    // No body is so long, so a body of unknown length has no token.
    head.write(request.bodyLength ?? .max)
    for part in [request.method[...], request.path, request.query, request.range[...]] { head.write(text: part) }
    var hmac = empty
    head.bytes.withUnsafeBytes { hmac.update(data: $0) }
    return hmac
  }
}

extension HMAC<SHA256> {
  fileprivate mutating func update(_ buffer: ByteBuffer) {
    buffer.withUnsafeReadableBytes { update(data: $0) }
  }
}
