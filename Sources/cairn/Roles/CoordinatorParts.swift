import CairnAPI
import CairnCatalog
import CairnCluster
import CairnHTTP
import CairnModel
import CairnObjects
import CairnRepair
import CairnS3
import Logging

/// What makes a coordinator, in a process of its own or beside a storage node.
struct CoordinatorParts: Sendable {
  let view: ClusterView
  let allocator: VolumeAllocator
  let objects: ObjectService
  let orphans: OrphanSweep
  let copies: CopyRequests
  let ids: BlobIDGenerator
  let access: AccessParts
  let api: NativeAPI

  init(
    role: RoleProcess, catalog: any CatalogCopy.Store, view: ClusterView, directory: any NodeDirectory,
    uploads: UploadConfiguration, replication: ReplicationPolicy, placement: PlacementPolicy,
    repair: RepairConfiguration, zone: String? = nil, durability: String,
    access: AccessConfiguration, seal: SecretSeal?, storagePath: String?, ids: BlobIDGenerator, barrier: WriteBarrier,
    watch: CatalogWatch? = nil
  ) {
    let allocator = VolumeAllocator(
      catalog: catalog, view: view, directory: directory, replication: replication, placement: placement,
      logger: role.logger)
    var settings = ObjectService.Settings(objectSizeMax: uploads.objectSizeMax)
    settings.zone = zone
    settings.mayHaveReplayed = { watch?.mayHaveReplayed ?? false }
    settings.reasonNotReady = { watch?.reasonNotReady }
    settings.uploadTimeMax = repair.orphanAge
    settings.multipartExpiry = uploads.multipartExpiry
    let names: any ObjectCatalog & UploadCatalog = watch.map { VerifiedCatalog(catalog, $0) } ?? catalog
    let damage = DamageReports(queue: catalog)
    let objects = ObjectService(
      settings: settings, catalog: names, allocator: allocator,
      view: view, directory: directory, ids: ids, barrier: barrier, budget: ByteBudget(bytes: uploads.memory),
      threads: role.threads, damaged: { damage.add($0.location.volume) }, logger: role.logger)
    self.view = view
    self.allocator = allocator
    self.objects = objects
    let repairSettings = RepairSettings(repair, policy: placement)
    let planner = RepairPlanner(
      queue: catalog, volumes: catalog, view: view, directory: directory, settings: repairSettings,
      logger: role.logger)
    let copies = CopyRequests(
      queue: catalog, allocator: allocator, view: view, settings: repairSettings, logger: role.logger)
    self.copies = copies
    orphans = OrphanSweep(
      objects: objects, catalog: names, contents: catalog, volumes: catalog, view: view, directory: directory,
      age: repair.orphanAge, logger: role.logger)
    self.ids = ids
    let access = AccessParts(
      access, objects: objects, seal: seal, storagePath: storagePath, logger: role.logger)
    self.access = access
    api = NativeAPI(
      objects: objects, view: view, catalog: catalog,
      maintenance: Maintenance(
        orphans: orphans, scrubAll: { try await planner.scrubAll() },
        plannedCopies: { try await copies.planned($0) }),
      identity: NativeAPI.Identity(
        role: role.role, version: Cairn.version, durability: durability, replication: replication.mode),
      access: access.native, reasonNotReady: { watch?.reasonNotReady }, logger: role.logger)
  }

  /// Begins to answer clients.
  func listen(_ configuration: ProcessConfiguration, _ role: RoleProcess) async throws -> HTTPServer {
    let server = try await HTTPServer.start(
      on: configuration.listen, group: role.group, limits: configuration.limits,
      connections: role.clientConnections, responder: api, refusal: { HTTPResponse(APIError($0, $1)) },
      logger: role.logger)
    // The system has chosen the port where the configuration says 0.
    try access.showLocalKey(port: server.port)
    role.logger.info(
      "listening", metadata: ["address": "\(ListenAddress(host: configuration.listen.host, port: server.port))"])
    return server
  }

  /// Begins to answer S3 clients.
  ///
  /// - Returns: nil where nobody wants it.
  func listenForS3(
    _ configuration: S3Configuration, _ process: ProcessConfiguration, _ role: RoleProcess
  ) async throws(HTTPServerError) -> HTTPServer? {
    guard let address = configuration.listen else { return nil }
    var settings = configuration.settings
    settings.browserGuard = access.browserGuard
    let api = S3API(
      settings: settings, objects: objects, buckets: access.buckets,
      authenticator: access.authenticator, logger: role.logger)
    let server = try await HTTPServer.start(
      on: address, group: role.group, limits: process.limits, connections: role.clientConnections, responder: api,
      refusal: S3API.refusal, logger: role.logger)
    role.logger.info(
      "listening for S3", metadata: ["address": "\(ListenAddress(host: address.host, port: server.port))"])
    return server
  }
}
