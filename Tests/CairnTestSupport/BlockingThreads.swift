import NIOPosix

/// Threads for tests that wait in system calls: the ones that tasks run on are few.
package enum BlockingThreads {
  private static let pool: NIOThreadPool = {
    let pool = NIOThreadPool(numberOfThreads: 128)
    pool.start()
    return pool
  }()

  package static func run<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
    try await pool.runIfActive(body)
  }
}
