import CairnCatalog
import CairnHTTP
import CairnModel
import CairnObjects
import CairnStorage
import NIOPosix

/// What makes a storage node, in a process of its own or beside a coordinator.
enum StorageParts {
  /// Opens the storage path: reads snapshots, replays tails, cuts torn ends off.
  static func open(_ configuration: StorageConfiguration, _ process: RoleProcess) async throws -> VolumeStore {
    let (threads, logger) = (process.threads, process.logger)
    return try await threads.runIfActive {
      try VolumeStore.open(configuration, threadPool: threads, logger: logger)
    }
  }

  /// Opens the storage path for `body`, and closes it afterwards whatever happens.
  static func withStore(
    _ configuration: StorageConfiguration, _ process: RoleProcess, _ body: (VolumeStore) async throws -> Void
  ) async throws {
    let store = try await open(configuration, process)
    do {
      try await body(store)
    } catch {
      await store.close()
      throw error
    }
    await store.close()
  }

  /// Makes the reports of a node's heartbeats.
  struct Reporter: Sendable {
    let store: VolumeStore
    let configuration: StorageConfiguration
    var address: ListenAddress
    let zone: String
    var incarnation: UInt64 = .random(in: .min ... .max)

    func report() -> NodeReport {
      let space = store.space()
      let volumes = store.volumes()
      return NodeReport(
        node: store.node, incarnation: incarnation, address: address.host, port: address.port, zone: zone,
        storagePath: configuration.path, capacity: space.capacity, available: space.available,
        readOnly: space.readOnly, blobCount: volumes.reduce(0) { $0 + UInt64($1.blobCount) },
        volumeCount: volumes.count, damagedCount: volumes.reduce(0) { $0 + UInt64($1.damagedCount) })
    }
  }
}
