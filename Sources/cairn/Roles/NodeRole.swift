import CairnCatalog
import CairnCluster
import CairnHTTP
import CairnModel
import CairnNodeClient
import CairnNodeServer
import CairnStorage
import Foundation
import Logging
import NIOCore
import NIOHTTP1

/// `cairn node`: keeps blobs, and tells Redis that it lives.
struct NodeRole {
  private let configuration: NodeConfiguration
  private let process: RoleProcess

  init(_ configuration: NodeConfiguration, _ process: RoleProcess) {
    self.configuration = configuration
    self.process = process
  }

  func run() async throws {
    try await StorageParts.withStore(configuration.storage, process, serve)
  }

  /// Serves a store that is open, and leaves it open.
  func serve(_ store: VolumeStore) async throws {
    let registry = try RedisCatalog(
      configuration: configuration.redis, eventLoopGroup: process.group, logger: process.logger)
    registry.start()
    try await registry.refuseEvictions()
    let incarnation = UInt64.random(in: .min ... .max)
    let api = NodeAPI(
      store: store, incarnation: incarnation, tokens: configuration.keys?.nodeTokens,
      browserGuard: configuration.keys == nil
        ? BrowserGuard(hosts: [configuration.process.listen.host, advertisedHost]) : nil,
      budget: ByteBudget(bytes: Self.incomingBytesMax), version: Cairn.version,
      durability: configuration.storage.durability.rawValue, isReady: { await Self.reasonNotReady(store, registry) },
      logger: process.logger)
    let server = try await HTTPServer.start(
      on: configuration.process.listen, group: process.group, limits: configuration.process.limits,
      connections: process.peerConnections, responder: api,
      refusal: { status, detail in
        HTTPResponse(status, body: .bytes(ByteBuffer(string: detail)))
      }, logger: process.logger)
    let address = ListenAddress(host: advertisedHost, port: server.port)
    process.logger.info(
      "listening",
      metadata: [
        "node": "\(store.node)",
        "address": "\(ListenAddress(host: configuration.process.listen.host, port: server.port))",
        "advertised": "\(address)",
      ])
    let reporter = StorageParts.Reporter(
      store: store, configuration: configuration.storage, address: address, zone: configuration.zone,
      incarnation: incarnation)
    let client = HTTPClient(group: process.group, timeouts: .init(connect: .seconds(2), idle: .seconds(2)))
    let heartbeat = Heartbeat(
      registry: registry, interval: configuration.membership.heartbeatInterval,
      timeout: configuration.membership.timeout, report: { reporter.report() },
      isAlive: { await Self.isAlive($0, client) }, logger: process.logger)
    var duplicate: Heartbeat.DuplicateNode?
    await withTaskGroup(of: Heartbeat.DuplicateNode?.self) { group in
      group.addTask {
        await store.run()
        return nil
      }
      group.addTask {
        do throws(Heartbeat.DuplicateNode) { try await heartbeat.run() } catch { return error }
        return nil
      }
      group.addTask {
        await process.stopped()
        return nil
      }
      // The first to end is the signal to stop, or another process with this node's id.
      duplicate = await group.next() ?? nil
      process.logger.info("stopping")
      await server.stop(grace: configuration.process.shutdownGrace)
      group.cancelAll()
    }
    await registry.close()
    if let duplicate { throw duplicate }
  }

  /// Bytes of records that may be on their way in.
  private static let incomingBytesMax = 512 << 20

  /// Where coordinators reach this node: a wildcard address is none.
  private var advertisedHost: String {
    if let host = configuration.advertiseHost { return host }
    let host = configuration.process.listen.host
    return ["0.0.0.0", "::", "*"].contains(host) ? ProcessInfo.processInfo.hostName : host
  }

  private static func reasonNotReady(_ store: VolumeStore, _ registry: RedisCatalog) async -> String? {
    do throws(CatalogError) {
      // A question that also tells whether Redis keeps what it is given.
      _ = try await registry.storeProcessIfAllowed()
    } catch {
      return "\(error)"
    }
    if let risk = registry.evictionRisk { return risk }
    return store.space().readOnly ? "The disk reserve is reached: the node takes no more data" : nil
  }

  /// Whether the process that sent a heartbeat still answers there.
  private static func isAlive(_ node: RegisteredNode, _ client: HTTPClient) async -> Bool {
    let address = ListenAddress(of: node.report)
    guard
      let answer = try? await client.fetch(HTTPClientRequest(.GET, "/health"), from: address, limit: 4096)
    else { return false }
    let text = String(buffer: answer.body)
    return text.contains(node.report.node.description) && text.contains(node.report.incarnation.hexadecimal)
  }
}
