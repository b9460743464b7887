package import CairnHTTP
internal import Foundation

/// Where the server or coordinator is that a command asks.
package struct ServerAddress: Hashable, Sendable {
  package static let fallback = "http://127.0.0.1:8000"

  package let listen: ListenAddress
  /// What stands before every path, without a slash at its end; empty but behind some proxies.
  package let path: String

  /// nil for a text that is no `http://HOST[:PORT]`.
  package init?(_ text: String) {
    guard let parts = URLComponents(string: text), parts.scheme?.lowercased() == "http", let host = parts.host,
      !host.isEmpty, parts.query == nil, parts.fragment == nil, parts.user == nil
    else { return nil }
    let bare = host.hasPrefix("[") && host.hasSuffix("]") ? String(host.dropFirst().dropLast()) : host
    listen = ListenAddress(host: bare, port: parts.port ?? 80)
    path =
      parts.percentEncodedPath.hasSuffix("/")
      ? String(parts.percentEncodedPath.dropLast()) : parts.percentEncodedPath
  }
}
