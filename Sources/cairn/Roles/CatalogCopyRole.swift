import CairnCatalog
import Foundation

/// `cairn catalog copy`: opens both catalogs, copies, and tells how far it is.
struct CatalogCopyRole {
  private static let progressInterval: Duration = .seconds(1)

  private let source: CatalogPlace
  private let target: CatalogPlace
  private let isForced: Bool
  private let process: RoleProcess

  init(from source: CatalogPlace, to target: CatalogPlace, isForced: Bool, _ process: RoleProcess) {
    self.source = source
    self.target = target
    self.isForced = isForced
    self.process = process
  }

  /// - Returns: whether the target is now the same as the source; the reason is on standard error where it is not.
  func run() async throws -> Bool {
    if case .sqlite(let path) = source, !FileManager.default.fileExists(atPath: path) {
      Self.note("there is no catalog \(path)")
      return false
    }
    return try await withStore(source) { from in
      try await withStore(target) { to in try await copy(from, to) }
    }
  }

  private func copy(_ from: any CatalogCopy.Store, _ to: any CatalogCopy.Store) async throws -> Bool {
    // Only `cairn server` replays its records from where its catalog is, and that is in SQLite.
    var copiesMarks = false
    if case .sqlite = target { copiesMarks = true }
    var last: (phase: CatalogCopy.Phase?, at: ContinuousClock.Instant) = (nil, .now)
    do {
      let counts = try await CatalogCopy(from: from, to: to).run(isForced: isForced, copiesMarks: copiesMarks) {
        phase, count in
        guard phase != last.phase || last.at.duration(to: .now) >= Self.progressInterval else { return }
        last = (phase, .now)
        Self.note("\(phase.rawValue): \(count)")
      }
      try StandardOutput.line(
        "copied \(counts.objects) objects, \(counts.volumes) volumes, \(counts.nodes) nodes and \(counts.deletions) "
          + "remembered deletions; source and target are the same")
      return true
    } catch let failure as CatalogCopy.Failure {
      let hint =
        switch failure {
        case .targetNotEmpty: "; nothing was copied, --force copies into it"
        case .sourceChanged: "; stop all that writes, and copy again with --force"
        case .counts, .contents: ""
        }
      Self.note("\(failure)\(hint)")
      return false
    }
  }

  private func withStore(
    _ place: CatalogPlace, _ body: (any CatalogCopy.Store) async throws -> Bool
  ) async throws -> Bool {
    switch place {
    case .redis(let configuration):
      let catalog = try RedisCatalog(
        configuration: configuration, eventLoopGroup: process.group, logger: process.logger)
      return try await closing(catalog, catalog.close) { store in
        try await catalog.refuseEvictions()
        return try await body(store)
      }
    case .sqlite(let path):
      let catalog = try await SQLiteCatalog.open(path: path, threadPool: process.threads, logger: process.logger)
      return try await closing(catalog, catalog.close, body)
    }
  }

  private func closing(
    _ store: any CatalogCopy.Store, _ close: () async -> Void, _ body: (any CatalogCopy.Store) async throws -> Bool
  ) async throws -> Bool {
    do {
      let isDone = try await body(store)
      await close()
      return isDone
    } catch {
      await close()
      throw error
    }
  }

  private static func note(_ text: String) { FileHandle.note(text, of: "catalog copy") }
}
