package import NIOCore
internal import Synchronization

/// Runs tasks on an event loop, so that the code that answers a request stays on its connection's thread.
///
/// What becomes ready together, such as all uploads that one sync has made durable, costs the event loop one turn.
package final class EventLoopExecutor: TaskExecutor {
  private let eventLoop: any EventLoop
  private let ready = Mutex<[UnownedJob]>([])

  package init(_ eventLoop: any EventLoop) {
    self.eventLoop = eventLoop
  }

  package func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    let isFirst = ready.withLock { ready in
      ready.append(job)
      return ready.count == 1
    }
    if isFirst { eventLoop.execute(runReady) }
  }

  private func runReady() {
    let jobs = ready.withLock { ready in
      defer { ready = [] }
      return ready
    }
    let executor = asUnownedTaskExecutor()
    for job in jobs { job.runSynchronously(on: executor) }
  }
}

/// An executor for each event loop of a group.
package struct EventLoopExecutors: Sendable {
  private let executors: [ObjectIdentifier: EventLoopExecutor]

  package init(_ group: any EventLoopGroup) {
    executors = Dictionary(
      uniqueKeysWithValues: group.makeIterator().map { (ObjectIdentifier($0), EventLoopExecutor($0)) })
  }

  /// The executor of an event loop; nil where that is none of the group.
  package subscript(eventLoop: any EventLoop) -> EventLoopExecutor? { executors[ObjectIdentifier(eventLoop)] }
}
