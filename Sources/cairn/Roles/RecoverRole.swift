import CairnCatalog
import CairnCluster
import CairnHTTP
import CairnModel
import CairnNodeClient
import CairnObjects
import CairnStorage
import Foundation
import Logging
import NIOCore

/// `cairn recover`: rebuilds a catalog from the disks, or compares the two.
struct RecoverRole {
  /// Something is missing that may come back.
  private static let incompleteCode: Int32 = 2

  private let configuration: RecoverConfiguration
  private let process: RoleProcess

  init(_ configuration: RecoverConfiguration, _ process: RoleProcess) {
    self.configuration = configuration
    self.process = process
  }

  /// - Returns: the exit code.
  func run() async throws -> Int32 {
    switch configuration.place {
    case .redis(let redis, let keys):
      let catalog = try RedisCatalog(configuration: redis, eventLoopGroup: process.group, logger: process.logger)
      do {
        try await catalog.refuseEvictions()
        let code = try await recoverCluster(catalog, keys)
        await catalog.close()
        return code
      } catch {
        await catalog.close()
        throw error
      }
    case .storagePath(let storage, let catalog): return try await recoverServer(storage, catalog)
    }
  }

  // MARK: A cluster

  private func recoverCluster(_ catalog: RedisCatalog, _ keys: ClusterKeys?) async throws -> Int32 {
    let client = HTTPClient(group: process.group, timeouts: .init(connect: .seconds(5), idle: .seconds(60)))
    let finder = RecoveryNodes(
      catalog: catalog, client: client, tokens: keys?.nodeTokens, membership: configuration.membership,
      given: configuration.nodes, process: process)
    var found = try await finder.find()
    for (node, reason) in await ReplicaSurvey.take(of: found.sources).unreachable { found.away[node] = reason }
    for (node, reason) in found.away.sorted(by: { $0.key < $1.key }) {
      RecoverOutput.note("node \(node) is away: \(reason)")
    }
    guard !found.sources.isEmpty else {
      RecoverOutput.note("no storage node was found: start them, or name them with --node HOST:PORT")
      return Self.incompleteCode
    }
    guard found.away.isEmpty || configuration.isPartial else {
      RecoverOutput.note("nothing was done: start these nodes, or go on without them with --partial")
      return Self.incompleteCode
    }
    let away = found.away
    let sources = found.sources.filter { away[$0.id] == nil }
    let (epoch, process) = (try await catalog.epoch(of: .default), try await catalog.storeProcessIfAllowed())
    let code = try await work(on: sources, catalog, isPartial: !away.isEmpty)
    if code == 0, !configuration.isVerification, !configuration.isPartial {
      // Coordinators need not read it all again.
      try await catalog.setReconciled(sources.map(\.id), process: process, epoch: epoch)
    }
    return code
  }

  // MARK: A server

  private func recoverServer(_ storage: StorageConfiguration, _ catalogPath: String) async throws -> Int32 {
    guard FileManager.default.fileExists(atPath: storage.path + "/node.json") else {
      RecoverOutput.note("\(storage.path) is no storage path: it has no node.json")
      return 1
    }
    let store = try await StorageParts.open(storage, process)
    let node = LocalNode(store)
    do {
      let catalog = try await SQLiteCatalog.open(
        path: catalogPath, threadPool: process.threads, logger: process.logger)
      do {
        let ends = try await node.ends()
        let code = try await work(on: [node], catalog, isPartial: false)
        // The next start need not read it all again.
        if code == 0, !configuration.isVerification { try await catalog.setReplayMarks(ends) }
        await catalog.close()
        await store.close()
        return code
      } catch {
        await catalog.close()
        throw error
      }
    } catch {
      await store.close()
      throw error
    }
  }

  // MARK: Both

  private func work(
    on sources: [any ReplicaSurvey.Source], _ catalog: any ClusterRecovery.Target, isPartial: Bool
  ) async throws -> Int32 {
    let output = RecoverOutput(printsJSON: configuration.printsJSON)
    if configuration.isVerification {
      let outcome = try await CatalogComparison(sources: sources, catalog: catalog, logger: process.logger).run(
        progress: { output.progress($0) }, report: { output.difference($0) })
      try output.summary(outcome, nodeCount: sources.count)
      if outcome.differences > 0 { return 1 }
      return outcome.unreadable.isEmpty || configuration.isPartial ? 0 : Self.incompleteCode
    }
    var settings = ClusterRecovery.Settings()
    settings.replicationFactor = configuration.replication.factor
    settings.isPartial = isPartial
    settings.volumeCreationMax = configuration.place.volumeCreationMax
    let outcome = try await ClusterRecovery(
      sources: sources, catalog: catalog, settings: settings, ids: BlobIDGenerator(), logger: process.logger
    ).run { output.progress($0) }
    try output.summary(outcome, nodeCount: sources.count)
    let isWhole = outcome.unreadable.isEmpty && outcome.unreachable.isEmpty
    return isWhole || configuration.isPartial ? 0 : Self.incompleteCode
  }
}

extension RecoverConfiguration.Place {
  /// Coordinators may be making a volume just now; no `cairn server` is, since it does not run.
  fileprivate var volumeCreationMax: Duration {
    switch self {
    case .redis: .seconds(2)
    case .storagePath: .zero
    }
  }
}
