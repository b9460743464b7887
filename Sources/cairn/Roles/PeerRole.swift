import CairnNodeClient
import CairnStorage

/// `cairn server --peers`: a coordinator and a storage node, as every machine of the cluster runs them.
///
/// Each has its own port: what clients may reach and what only peers may are different things, for firewalls too.
struct PeerRole {
  private let configuration: PeerConfiguration
  private let process: RoleProcess

  init(_ configuration: PeerConfiguration, _ process: RoleProcess) {
    self.configuration = configuration
    self.process = process
  }

  func run() async throws {
    try await StorageParts.withStore(configuration.node.storage, process, serve)
  }

  private func serve(_ store: VolumeStore) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await NodeRole(configuration.node, process).serve(store) }
      group.addTask {
        try await CoordinatorRole(configuration.coordinator, process).run(
          with: LocalNode(store), storagePath: configuration.node.storage.path)
      }
      // Both end in order at the signal. Where one fails, the group cancels the other, which ends in order then.
      while try await group.next() != nil {}
    }
  }
}
