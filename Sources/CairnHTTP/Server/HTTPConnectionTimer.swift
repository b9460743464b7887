internal import NIOCore

/// What a server waits for from a client, within a time.
enum HTTPTimeout {
  case idle
  case requestHead
  case body
  case write
  case linger
}

/// The time-out of a connection: one at a time. Confined to its event loop.
///
/// One timer a connection, moved only when it fires: setting a time-out for every request costs nothing.
final class HTTPConnectionTimer: @unchecked Sendable {
  private let eventLoop: any EventLoop
  private let expired: (HTTPTimeout) -> Void
  private var timeout: (kind: HTTPTimeout, deadline: NIODeadline)?
  private var timer: (deadline: NIODeadline, task: Scheduled<Void>)?

  /// - Parameter expired: is called once the time of what was expected has passed.
  init(eventLoop: any EventLoop, expired: @escaping (HTTPTimeout) -> Void) {
    self.eventLoop = eventLoop
    self.expired = expired
  }

  /// What is waited for now.
  var pending: HTTPTimeout? { timeout?.kind }

  /// Waits for something else from now on.
  func expect(_ kind: HTTPTimeout, within time: TimeAmount) {
    let deadline = NIODeadline.now() + time
    timeout = (kind, deadline)
    if let timer, timer.deadline <= deadline { return }
    timer?.task.cancel()
    schedule(deadline)
  }

  /// Waits for nothing.
  func clear() {
    timeout = nil
  }

  /// Waits for nothing any more.
  func stop() {
    timeout = nil
    timer?.task.cancel()
    timer = nil
  }

  private func schedule(_ deadline: NIODeadline) {
    timer = (deadline, eventLoop.scheduleTask(deadline: deadline) { [weak self] in self?.fired() })
  }

  private func fired() {
    timer = nil
    guard let timeout else { return }
    guard timeout.deadline <= .now() else { return schedule(timeout.deadline) }
    self.timeout = nil
    expired(timeout.kind)
  }
}
