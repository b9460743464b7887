package import NIOHTTP1

/// The conditional headers of a request (RFC 9110, section 13).
package enum Preconditions {
  package enum Outcome: Hashable, Sendable {
    case proceed
    case notModified
    case failed
  }

  /// Whether a request has any condition that can refuse a write.
  package static func areIn(_ headers: HTTPHeaders) -> Bool {
    ["if-match", "if-none-match", "if-unmodified-since"].contains { headers.contains(name: $0) }
  }

  /// Evaluates `If-Match`, `If-Unmodified-Since`, `If-None-Match` and `If-Modified-Since`, in that order.
  ///
  /// - Parameters:
  ///   - isRead: the method is GET or HEAD.
  ///   - etag: the current entity tag with its quotes; nil where nothing exists.
  ///   - lastModified: seconds since 1970 of the current representation.
  package static func evaluate(_ headers: HTTPHeaders, isRead: Bool, etag: String?, lastModified: Int?) -> Outcome {
    if headers.contains(name: "if-match") {
      guard let etag, matches(headers["if-match"], etag: etag, weakly: false) else { return .failed }
    } else if let limit = headers.first(name: "if-unmodified-since").flatMap(HTTPDate.parse) {
      if let lastModified, lastModified > limit { return .failed }
    }
    if headers.contains(name: "if-none-match") {
      if let etag, matches(headers["if-none-match"], etag: etag, weakly: true) {
        return isRead ? .notModified : .failed
      }
    } else if isRead, let since = headers.first(name: "if-modified-since").flatMap(HTTPDate.parse) {
      if let lastModified, lastModified <= since { return .notModified }
    }
    return .proceed
  }

  /// Whether `If-Range` lets a range be served; without the header it does.
  package static func allowsRange(_ headers: HTTPHeaders, etag: String, lastModified: Int) -> Bool {
    guard let value = headers.first(name: "if-range") else { return true }
    if value.utf8.first == UInt8(ascii: "\"") { return value == etag }
    return HTTPDate.parse(value) == lastModified
  }

  private static func matches(_ values: [String], etag: String, weakly: Bool) -> Bool {
    values.lazy.flatMap(entityTags).contains { tag in
      tag == "*" || tag == etag || (weakly && tag == "W/" + etag)
    }
  }

  /// Splits a list of entity tags; a comma within quotes is part of a tag.
  private static func entityTags(_ list: String) -> [String] {
    var tags: [String] = []
    var tag = ""
    var quoted = false
    for character in list {
      if character == "\"" { quoted.toggle() }
      if character == "," && !quoted {
        tags.append(tag)
        tag = ""
      } else if quoted || (character != " " && character != "\t") {
        tag.append(character)
      }
    }
    tags.append(tag)
    return tags
  }
}
