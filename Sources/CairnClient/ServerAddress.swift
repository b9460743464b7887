package import CairnHTTP
internal import Foundation
package import NIOCore
package import NIOHTTP1

/// Where the server or coordinator is that a command asks.
package struct ServerAddress: Hashable, Sendable {
  package static let fallback = "http://127.0.0.1:8000"

  package let listen: ListenAddress
  /// What stands before every path, without a slash at its end; empty but behind some proxies.
  package let path: String
  /// `ID:SECRET` of an access key, sent with each request; nil where the server asks for none.
  package var token: String?

  /// nil for a text that is no `http://HOST[:PORT]`.
  package init?(_ text: String) {
    guard let parts = URLComponents(string: text), parts.scheme?.lowercased() == "http", let host = parts.host,
      !host.isEmpty, parts.query == nil, parts.fragment == nil, parts.user == nil,
      (0...Int(UInt16.max)).contains(parts.port ?? 80)
    else { return nil }
    let bare =
      host.utf8.first == UInt8(ascii: "[") && host.utf8.last == UInt8(ascii: "]")
      ? String(host.dropFirst().dropLast()) : host
    listen = ListenAddress(host: bare, port: parts.port ?? 80)
    path =
      parts.percentEncodedPath.utf8.last == UInt8(ascii: "/")
      ? String(parts.percentEncodedPath.dropLast()) : parts.percentEncodedPath
  }

  /// A request to the server.
  ///
  /// - Parameter path: with query, percent-encoded.
  package func request(
    _ method: HTTPMethod, _ path: String, headers: HTTPHeaders = [:], body: [ByteBuffer] = []
  ) -> HTTPClientRequest {
    var headers = headers
    if let token { headers.add(name: "Authorization", value: "Bearer \(token)") }
    return HTTPClientRequest(method, self.path + path, headers: headers, body: body)
  }
}
