internal import CairnHTTP
internal import CairnModel
internal import CairnObjects

/// The condition of a write: `If-None-Match: *`, or `If-Match` with an entity tag.
struct WriteConditions: Sendable {
  let rule: ConflictRule
  private let etag: String?

  /// Looks at what a condition is about.
  ///
  /// - Throws: where it doesn't hold already.
  init(_ request: S3Request, _ name: ObjectName, _ objects: ObjectService) async throws(S3Error) {
    etag = request.header("if-match")
    if let none = request.header("if-none-match") {
      guard none == "*", etag == nil else { throw .notImplemented("If-None-Match: \(none)") }
      rule = .reject
      return
    }
    guard let etag else {
      rule = .overwrite
      return
    }
    let current: StoredObject?
    do throws(ObjectError) { current = try await objects.object(name) } catch { throw S3Error(error) }
    guard let current else { throw .noSuchKey(name.key) }
    guard EntityTag.matches(etag, current.attributes.etag) else { throw .preconditionFailed }
    rule = .replace(current.head.blob)
  }

  /// What a write's failure means under this condition.
  func error(_ error: ObjectError) -> S3Error {
    guard case .conditionFailed(let current) = error, let etag else { return S3Error(error) }
    // The version is another one although its bytes are not: somebody changed it meanwhile.
    if let current, EntityTag.matches(etag, current.attributes.etag) { return .conflict }
    return .preconditionFailed
  }
}
