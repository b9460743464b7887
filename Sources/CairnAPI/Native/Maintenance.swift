internal import CairnHTTP
package import CairnModel
package import CairnObjects
internal import NIOHTTP1

/// What an operator can have done besides what the cluster does by itself.
package struct Maintenance: Sendable {
  /// Finds what uploads left behind.
  package var orphans: OrphanSweep
  /// Asks for every replica to be read and verified; says how many.
  package var scrubAll: @Sendable () async throws -> Int
  /// Says which of some volumes copies are queued of, and the nodes that they go to.
  package var plannedCopies: PlannedCopies

  package typealias PlannedCopies = @Sendable (Set<VolumeID>) async throws -> [VolumeID: Set<NodeID>]

  package init(
    orphans: OrphanSweep, scrubAll: @escaping @Sendable () async throws -> Int,
    plannedCopies: @escaping PlannedCopies
  ) {
    self.orphans = orphans
    self.scrubAll = scrubAll
    self.plannedCopies = plannedCopies
  }
}

extension NativeAPI {
  /// Orphans that an answer lists.
  private static let orphansShownMax = 10_000

  /// `POST /gc`: lets the orphans be garbage; with `?dry_run=1` only lists them.
  func collectGarbage(_ query: QueryParameters) async throws(APIError) -> HTTPResponse {
    let isDryRun: Bool
    switch query["dry_run"] {
    case nil, "0", "false": isDryRun = false
    case "1", "true", "": isDryRun = true
    case let text?: throw APIError(.badRequest, "dry_run is '\(text)', allowed are 1, true, 0, false")
    }
    let orphans: [Orphan]
    do throws(ObjectError) { orphans = try await maintenance.orphans.find() } catch { throw APIError(error) }
    if !isDryRun { maintenance.orphans.remove(orphans) }
    return HTTPResponse(json: { json in
      json.key("removed")
      json.bool(!isDryRun)
      json.member("count", orphans.count)
      json.member("bytes", orphans.reduce(0) { $0 + $1.length })
      json.key("orphans")
      json.array(orphans.prefix(Self.orphansShownMax)) { json, orphan in
        json.object { json in
          json.member("volume", orphan.location.volume.description)
          json.member("blob_id", orphan.location.blob.description)
          json.member("kind", orphan.kind.rawValue)
          json.member("name", orphan.name?.key.text)
          json.member("size", orphan.length)
        }
      }
    })
  }

  /// `POST /scrub`: has every replica read and verified; what is damaged is mended. `GET /status` shows how far it is.
  func scrub() async throws(APIError) -> HTTPResponse {
    let count: Int
    do { count = try await maintenance.scrubAll() } catch { throw .unavailable("\(error)") }
    return HTTPResponse(.accepted, json: { $0.member("replicas", count) })
  }
}
