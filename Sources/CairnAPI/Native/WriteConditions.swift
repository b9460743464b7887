internal import CairnCluster
internal import CairnHTTP
internal import CairnModel
internal import CairnObjects
internal import NIOHTTP1

extension NativeAPI {
  private static let conflictRules: KeyValuePairs<String, ConflictRule> = [
    "overwrite": .overwrite, "rename": .rename, "reject": .reject,
  ]

  /// What to do with a taken name: the query's `on_conflict`; nil for what the route's clients expect.
  func conflictRule(_ query: QueryParameters) throws(APIError) -> ConflictRule? {
    guard let text = query["on_conflict"] else { return nil }
    guard let rule = Self.conflictRules.first(where: { $0.key == text })?.value else {
      let allowed = Self.conflictRules.map(\.key).joined(separator: ", ")
      throw APIError(.badRequest, "on_conflict is '\(text)', allowed are \(allowed)")
    }
    return rule
  }

  /// To overwrite, or as ``conflictRule(_:)`` says, under the conditional headers of a `PUT`: `If-Match`, and `If-None-Match: *`.
  func conflictRule(
    _ request: HTTPRequest, _ query: QueryParameters, for key: ObjectKey
  ) async throws(APIError) -> ConflictRule {
    let wanted = try conflictRule(query)
    guard Preconditions.areIn(request.headers) else { return wanted ?? .overwrite }
    guard let current = try await current(key, for: request) else { return .reject }
    return .replace(current.head.blob)
  }

  /// The version that a conditional `PUT` or `DELETE` is about; nil where there is none, as the request wants it.
  ///
  /// - Throws: 412 when the current version does not meet the conditions.
  func current(_ key: ObjectKey, for request: HTTPRequest) async throws(APIError) -> StoredObject? {
    let object: StoredObject?
    do throws(ObjectError) {
      object = try await objects.object(ObjectName(key: key))
    } catch {
      throw APIError(error)
    }
    let attributes = object?.attributes
    let outcome = Preconditions.evaluate(
      request.headers, isRead: false, etag: attributes?.etag,
      lastModified: attributes.map { Int($0.createdAt.secondsSinceEpoch) })
    guard outcome == .proceed else { throw .preconditionFailed }
    return object
  }

  /// The number of copies that an upload asks for with `X-Cairn-Replicas`; nil for the operator's factor.
  func replicas(_ request: HTTPRequest) throws(APIError) -> Int? {
    guard let text = request.headers.first(name: "x-cairn-replicas") else { return nil }
    guard let count = Int(text), (1...ReplicationPolicy.replicasMax).contains(count) else {
      throw APIError(
        .badRequest,
        "X-Cairn-Replicas is '\(text)', allowed is a number from 1 to \(ReplicationPolicy.replicasMax)")
    }
    return count
  }
}
