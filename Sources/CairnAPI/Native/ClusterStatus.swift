internal import CairnCatalog
internal import CairnCluster
internal import CairnHTTP
internal import CairnModel
internal import NIOHTTP1

extension NativeAPI {
  /// Pieces of repair work that a status shows.
  private static let tasksShownMax = 100
  /// Pieces of repair work that a status looks at to count them by their states.
  private static let tasksCountedMax = 1000

  fileprivate struct VolumeTotals {
    var total = 0
    var open = 0
    var counts = RepairPlan.Counts()
  }

  /// `GET /status`: nodes, how safe the volumes are, and the work under way.
  func clusterStatus() async throws(APIError) -> HTTPResponse {
    let work: [QueuedWork]
    let workCount: Int
    do throws(CatalogError) {
      try await view.refresh()
      work = try await catalog.list(limit: Self.tasksCountedMax)
      workCount = try await catalog.count()
    } catch {
      throw APIError(error)
    }
    let volumes = try await volumeTotals()
    let nodes = (view.activeNodes.map { ($0, true) } + view.inactiveNodes.map { ($0, false) })
      .sorted { $0.0.report.node < $1.0.report.node }
    let (running, retrying) = (work.count { $0.state == .running }, work.count { $0.state == .retrying })
    let now = Timestamp.now()
    return HTTPResponse(json: { json in
      json.key("nodes")
      json.array(nodes) { json, node in
        json.object {
          $0.nodeMembers(node.0, status: node.0.statusWord(isActive: node.1), detail: detail(of: node.0))
        }
      }
      json.key("volumes")
      json.object { $0.members(volumes) }
      json.key("repair")
      json.object { json in
        // Work beyond what was looked at waits, or waits to be tried again.
        json.member("waiting", max(workCount - running - retrying, 0))
        json.member("running", running)
        json.member("retrying", retrying)
        json.key("tasks")
        json.array(work.prefix(Self.tasksShownMax)) { $0.task($1, now: now) }
      }
    })
  }

  private func volumeTotals() async throws(APIError) -> VolumeTotals {
    // Only counted here: nothing that a plan would say beyond that is of interest, so nothing is asked of it.
    let settings = RepairPlan.Settings(repairDelay: .seconds(Int64.max / 2), policy: .random, volumeSize: 0)
    let nodes = view.nodeStatuses
    var totals = VolumeTotals()
    try await forEachPage { page in
      var random = SystemRandomNumberGenerator()
      let counts = RepairPlan(volumes: page, nodes: nodes, settings: settings, using: &random).counts
      totals.total += page.count
      totals.open += page.count { $0.state == .open }
      totals.counts.healthy += counts.healthy
      totals.counts.underReplicated += counts.underReplicated
      totals.counts.atRisk += counts.atRisk
      totals.counts.unavailable += counts.unavailable
    }
    return totals
  }
}

/// How fast a piece of work goes.
struct WorkPace: Hashable {
  /// Bytes a second since the work was claimed.
  var rate: UInt64
  /// What is left, at that rate.
  var secondsLeft: UInt64

  /// nil where nothing can be said yet.
  init?(_ work: QueuedWork, now: Timestamp) {
    guard work.state == .running, let progress = work.progress, progress.done > 0, now > work.since else { return nil }
    let seconds = Double(now.nanosecondsSinceEpoch - work.since.nanosecondsSinceEpoch) / 1e9
    guard let rate = UInt64(exactly: (Double(progress.done) / seconds).rounded()), rate > 0 else { return nil }
    self.rate = rate
    secondsLeft = (progress.total - min(progress.done, progress.total)) / rate
  }
}

extension JSONText {
  fileprivate mutating func members(_ volumes: NativeAPI.VolumeTotals) {
    member("total", volumes.total)
    member("open", volumes.open)
    member("sealed", volumes.total - volumes.open)
    member("healthy", volumes.counts.healthy)
    member("under_replicated", volumes.counts.underReplicated)
    member("at_risk", volumes.counts.atRisk)
    member("unavailable", volumes.counts.unavailable)
  }

  fileprivate mutating func task(_ queued: QueuedWork, now: Timestamp) {
    let pace = WorkPace(queued, now: now)
    object { json in
      json.member("key", queued.work.key)
      json.member("kind", queued.work.kind)
      json.member("state", queued.state.word)
      json.member("worker", queued.worker)
      json.member("attempts", queued.attempts)
      json.member("last_error", queued.lastError)
      json.optional("done", queued.progress?.done)
      json.optional("total", queued.progress?.total)
      json.optional("rate", pace?.rate)
      json.optional("eta_seconds", pace?.secondsLeft)
      json.member("since", HTTPDate.iso8601(nanosecondsSinceEpoch: queued.since.nanosecondsSinceEpoch))
    }
  }

  private mutating func optional(_ name: StaticString, _ value: UInt64?) {
    if let value { member(name, value) } else { member(name, nil as String?) }
  }
}

extension QueuedWork.State {
  fileprivate var word: String {
    switch self {
    case .waiting: "waiting"
    case .running: "running"
    case .retrying: "retrying"
    }
  }
}
