/// A change that waits for its turn in the writer's next transaction, and its answer.
///
/// It may be performed more than once (see ``SQLiteTransaction``), and is answered once.
class SQLiteWriteJob: @unchecked Sendable {
  /// It changes nothing but objects, so the cache can answer for it until it is committed.
  let isAnsweredBeforeCommit: Bool

  init(isAnsweredBeforeCommit: Bool) {
    self.isAnsweredBeforeCommit = isAnsweredBeforeCommit
  }

  /// Makes the change. Only the writer's thread calls this.
  func perform(_ session: SQLiteWriteSession) throws(CatalogError) {
    preconditionFailure("every kind of job says what it does")
  }

  /// Gives the answer of the last ``perform(_:)``.
  func finish() {
    preconditionFailure("every kind of job gives an answer")
  }

  func fail(_ error: CatalogError) {
    preconditionFailure("every kind of job gives an answer")
  }
}

/// Safe to send because the submitter doesn't touch it any more, and then the writer's thread alone does.
final class SQLiteAnsweredJob<Value: Sendable>: SQLiteWriteJob, @unchecked Sendable {
  typealias Body = @Sendable (SQLiteWriteSession) throws(CatalogError) -> Value
  typealias Answer = UnsafeContinuation<Result<Value, CatalogError>, Never>

  private let body: Body
  private let answer: Answer
  private var value: Value?

  init(_ body: @escaping Body, isAnsweredBeforeCommit: Bool, answer: Answer) {
    self.body = body
    self.answer = answer
    super.init(isAnsweredBeforeCommit: isAnsweredBeforeCommit)
  }

  override func perform(_ session: SQLiteWriteSession) throws(CatalogError) {
    value = try body(session)
  }

  override func finish() {
    guard let value else { preconditionFailure("a job is finished only after it was performed") }
    answer.resume(returning: .success(value))
  }

  override func fail(_ error: CatalogError) {
    answer.resume(returning: .failure(error))
  }
}
