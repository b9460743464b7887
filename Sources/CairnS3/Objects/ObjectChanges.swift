internal import CairnModel
internal import CairnObjects

extension S3API {
  /// How often a change of attributes is tried anew when others change the same object.
  private static let attemptsMax = 16

  /// Changes the attributes of the object that a request is about, and leaves its bytes where they are.
  ///
  /// - Parameter change: may be called several times; throws to leave the object as it is.
  @discardableResult
  func change(
    _ request: S3Request, _ change: (Bucket, inout ObjectAttributes) throws(S3Error) -> Void
  ) async throws(S3Error) -> PutResult {
    let name = try request.object
    return try await writing(request) { bucket throws(S3Error) in
      for _ in 0..<Self.attemptsMax {
        let current = try await object(name, in: bucket, for: request, request.operation.action)
        var attributes = current.attributes
        try change(bucket, &attributes)
        do throws(ObjectError) {
          return try await objects.rewrite(name, current, with: attributes)
        } catch .conditionFailed {
          continue
        } catch {
          throw S3Error(error)
        }
      }
      throw .conflict
    }
  }
}
