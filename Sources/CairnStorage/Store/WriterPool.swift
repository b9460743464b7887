internal import CLinux
internal import NIOPosix
internal import Synchronization

/// The threads that write. Apart from those that read, so that neither waits for the other.
///
/// They don't interrupt the event loops when there is something to write: a busy loop adds to the batch meanwhile.
final class WriterPool: Sendable {
  private let threads: NIOThreadPool
  private let idleStaging = Mutex<[StagingBox]>([])

  /// `@unchecked`: a box is owned by one drain at a time, and changes hands under the mutex.
  private struct StagingBox: @unchecked Sendable {
    let staging: WriteStaging
  }

  init(threadCount: Int) {
    threads = NIOThreadPool(numberOfThreads: threadCount)
    threads.start()
  }

  deinit {
    threads.shutdownGracefully { _ in }
  }

  /// Runs `body` on a thread, with a buffer of its own.
  ///
  /// - Parameter body: gets nil when the pool was shut down.
  func run(_ body: @escaping @Sendable (WriteStaging?) -> Void) {
    threads.submit { [self] state in
      guard state == .active else { return body(nil) }
      cairn_run_as_batch()
      let box = idleStaging.withLock { $0.popLast() } ?? StagingBox(staging: WriteStaging())
      body(box.staging)
      idleStaging.withLock { $0.append(box) }
    }
  }

  /// Ends the threads, when what they do is done.
  func shutdown() async {
    try? await threads.shutdownGracefully()
  }
}
