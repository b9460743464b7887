internal import CairnCatalog
package import CairnModel

extension ObjectService {
  private static let attemptsMax = 32

  /// Removes the current version of a name. False when there was none.
  ///
  /// The tombstone is durable before the catalog changes. It covers no more than the version that it is about: the
  /// catalog may yet refuse it, and takes newer versions that are older than the tombstone itself.
  ///
  /// - Parameter expected: remove this version and no other; nil for any.
  /// - Throws: ``ObjectError/conditionFailed(current:)`` when the current version is another one than `expected`.
  package func delete(_ name: ObjectName, expecting expected: BlobID? = nil) async throws(ObjectError) -> Bool {
    for _ in 0..<Self.attemptsMax {
      guard let current = try await object(name) else { return false }
      guard expected == nil || expected == current.head.blob else { throw .conditionFailed(current: current) }
      ids.observe(current.head.blob)
      let ticket = barrier.enter()
      defer { barrier.leave(ticket) }
      let id = ids.next()
      let tombstone = Tombstone(object: .init(name: name, upTo: current.head.blob))
      let record = try EncodedRecord.tombstone(tombstone, id: id)
      do throws(AppendFailure) { garbage.add(try await writer.append(record).abandoned) } catch {
        // Where some replicas have the tombstone, a catalog that is rebuilt from them deletes the object after all.
        throw error.abandoned.isEmpty ? error.error : .outcomeUnknown(error.error)
      }
      let outcome: DeleteOutcome
      do throws(CatalogError) {
        outcome = try await catalog.delete(name, version: current.head.blob, tombstone: id)
      } catch {
        throw ObjectError(error)
      }
      switch outcome {
      case .deleted(let object):
        garbage.add(object, named: name)
        return true
      case .absent: return false
      case .changed: continue
      }
    }
    throw .unavailable("too many clients write \(name.key.text) at once")
  }
}

extension EncodedRecord {
  static func tombstone(_ tombstone: Tombstone, id: BlobID) throws(ObjectError) -> EncodedRecord {
    do throws(FormatError) {
      return try EncodedRecord(tombstone, id: id)
    } catch {
      throw .failed("\(error)")
    }
  }
}
