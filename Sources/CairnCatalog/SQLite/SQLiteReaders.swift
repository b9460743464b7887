internal import NIOPosix
internal import Synchronization

/// Connections that only read, lent to one job on the thread pool at a time.
final class SQLiteReaders: Sendable {
  private let path: String
  private let threadPool: NIOThreadPool
  private let state = Mutex(State())

  private struct State {
    var idle: [Lease] = []
    var isClosed = false
  }

  /// A connection on its way between threads: whoever has the lease is the only one that uses it.
  private struct Lease: @unchecked Sendable {
    let connection: SQLiteConnection
  }

  /// KiB of each connection's page cache: enough for the upper levels of the trees, the kernel has the rest.
  private static let pageCacheKiB = 512
  /// Connections kept open: more jobs at once open their own for a moment.
  private static let idleMax = 4

  init(path: String, threadPool: NIOThreadPool) {
    self.path = path
    self.threadPool = threadPool
  }

  /// Runs `body` on the thread pool with a connection that nobody else uses meanwhile. It sees all that was
  /// committed before.
  func read<Value: Sendable>(
    _ body: @escaping @Sendable (SQLiteConnection) throws(CatalogError) -> Value
  ) async throws(CatalogError) -> Value {
    let result: Result<Value, CatalogError> = await withCheckedContinuation { continuation in
      threadPool.submit { state in
        guard state == .active else {
          continuation.resume(returning: .failure(.unavailable("\(self.path): the thread pool is shut down")))
          return
        }
        do throws(CatalogError) {
          let lease = try self.lease()
          defer { self.giveBack(lease) }
          continuation.resume(returning: .success(try body(lease.connection)))
        } catch {
          continuation.resume(returning: .failure(error))
        }
      }
    }
    return try result.get()
  }

  /// Closes what is idle now, and what is lent when it comes back.
  func close() {
    let idle = state.withLock { state in
      state.isClosed = true
      defer { state.idle = [] }
      return state.idle
    }
    withExtendedLifetime(idle) {}
  }

  private func lease() throws(CatalogError) -> Lease {
    let (idle, isClosed) = state.withLock { ($0.idle.popLast(), $0.isClosed) }
    guard !isClosed else { throw .unavailable("\(path) is closed") }
    if let idle { return idle }
    let connection = try SQLiteConnection(path: path, pageCacheKiB: Self.pageCacheKiB)
    try connection.execute("PRAGMA query_only = 1")
    return Lease(connection: connection)
  }

  private func giveBack(_ lease: Lease) {
    state.withLock { state in
      if !state.isClosed, state.idle.count < Self.idleMax { state.idle.append(lease) }
    }
  }
}
