internal import CairnHTTP
internal import NIOHTTP1

/// Entity tags as S3's clients send them: with quotes or without.
enum EntityTag {
  /// Whether a header field's value, `*` or a list of tags, means `etag`, which has its quotes.
  static func matches(_ value: String, _ etag: String) -> Bool {
    let evaluated = Preconditions.evaluate(
      ["if-match": quoted(value)], isRead: true, etag: etag, lastModified: nil)
    return evaluated == .proceed
  }

  /// The conditions of a request with all tags in quotes.
  static func conditions(_ headers: HTTPHeaders) -> HTTPHeaders {
    var headers = headers
    for name in ["if-match", "if-none-match"] {
      guard let value = headers.first(name: name), !value.contains("\"") else { continue }
      try? headers.replace(checking: name, quoted(value))
    }
    return headers
  }

  private static func quoted(_ value: String) -> String {
    guard !value.contains("\""), value != "*" else { return value }
    return value.split(separator: ",").map { "\"\($0.filter { !$0.isWhitespace })\"" }.joined(separator: ", ")
  }
}
