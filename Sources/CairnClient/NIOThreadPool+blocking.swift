internal import NIOPosix

extension NIOThreadPool {
  /// Runs what blocks on a thread of the pool.
  func blocking<Value: Sendable>(
    _ body: @escaping @Sendable () throws(ClientError) -> Value
  ) async throws(ClientError) -> Value {
    let result: Result<Value, ClientError>
    do {
      result = try await runIfActive {
        do throws(ClientError) { return .success(try body()) } catch { return .failure(error) }
      }
    } catch {
      throw .broken("the process is ending: \(error)")
    }
    return try result.get()
  }
}
