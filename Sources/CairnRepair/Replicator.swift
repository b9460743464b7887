package import CairnCatalog
package import CairnCluster
internal import CairnModel
internal import CairnNodeClient
package import Logging

/// Keeps every volume at its number of replicas: a planner that finds work, and a worker that does it.
package struct Replicator: Sendable {
  private let planner: RepairPlanner
  private let worker: RepairWorker

  /// - Parameters:
  ///   - name: of the worker: lasts over restarts, and no other worker has it.
  ///   - judge: decides about head records that some replicas lack; nil where all are copied.
  package init(
    name: String, catalog: any RepairQueue & VolumeCatalog, view: ClusterView, directory: any NodeDirectory,
    settings: RepairSettings, judge: HeadJudge? = nil, logger: Logger
  ) {
    planner = RepairPlanner(
      queue: catalog, volumes: catalog, view: view, directory: directory, settings: settings, logger: logger)
    worker = RepairWorker(
      name: name, queue: catalog, volumes: catalog, view: view, directory: directory, settings: settings,
      judge: judge, logger: logger)
  }

  /// Works until it is cancelled.
  package func run() async {
    async let planning: Void = planner.run()
    async let working: Void = worker.run()
    _ = await (planning, working)
  }
}
