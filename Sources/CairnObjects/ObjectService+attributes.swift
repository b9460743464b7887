package import CairnModel
internal import CairnNodeClient
internal import NIOCore

extension ObjectService {
  /// Stores an object anew with other attributes, as attributes are kept beside the bytes. Chunks are not moved: the new
  /// version has those of the old one.
  ///
  /// - Parameters:
  ///   - current: the version that is replaced, and no other.
  ///   - attributes: size, checksums and layout must be those of `current`.
  /// - Throws: ``ObjectError/conditionFailed(current:)`` when the name has another version.
  package func rewrite(
    _ name: ObjectName, _ current: StoredObject, with attributes: ObjectAttributes
  ) async throws(ObjectError) -> PutResult {
    let old = current.attributes
    // Small objects are held in memory here.
    let size = old.layout == .inline ? min(Int(clamping: old.size), settings.chunkSize) : 0
    guard await budget.take(size) else { throw .overloaded }
    defer { budget.giveBack(size) }
    let head = StagedHead(
      attributes: attributes, payload: try await payload(of: current, named: name), keepsTime: true, keepsChunks: true)
    return try await commit(head, as: name, replicas: nil, onConflict: .replace(current.head.blob))
  }
}
