internal import NIOPosix

extension NIOThreadPool {
  /// Runs blocking work on a thread of the pool, and goes on where the caller is.
  ///
  /// - Throws: what `body` throws, or ``StorageError/closed`` when the pool was shut down.
  nonisolated(nonsending) func perform<Value: Sendable>(
    _ body: @escaping @Sendable () throws(StorageError) -> Value
  ) async throws(StorageError) -> Value {
    let result: Result<Value, StorageError> = await withUnsafeContinuation { continuation in
      submit { state in
        guard state == .active else { return continuation.resume(returning: .failure(.closed)) }
        do throws(StorageError) {
          continuation.resume(returning: .success(try body()))
        } catch {
          continuation.resume(returning: .failure(error))
        }
      }
    }
    return try result.get()
  }
}
