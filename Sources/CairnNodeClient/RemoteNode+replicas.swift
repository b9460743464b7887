package import CairnModel
internal import CairnHTTP
internal import NIOCore
internal import NIOHTTP1

extension RemoteNode {
  package func volumes() async throws(NodeError) -> [ReplicaSummary] {
    try await items(.GET, NodeProtocol.volumesPath) { (bytes) throws(FormatError) in
      [try ReplicaSummary(decoding: bytes)]
    }
  }

  package func record(_ location: BlobLocation) async throws(NodeError) -> EncodedRecord {
    let answer = try await fetch(.GET, NodeProtocol.recordPath(location), limit: Record.lengthMax)
    do throws(FormatError) {
      return try EncodedRecord(verifying: answer)
    } catch {
      throw .refused(id, .corrupt, "blob \(location.blob) changed on its way: \(error)")
    }
  }

  package func drop(_ volume: VolumeID) async throws(NodeError) {
    try await command(.DELETE, NodeProtocol.volumePath(volume))
  }

  /// Sends a request, from wherever the caller runs, whose answer is ``AnswerFrame``s: what `decode` makes of each.
  func items<Value: Sendable>(
    _ method: HTTPMethod, _ path: String, query: String = "",
    _ decode: @escaping @Sendable (ByteBuffer) throws(FormatError) -> [Value]
  ) async throws(NodeError) -> [Value] {
    let request = request(method, path, query: query)
    let result: Result<[Value], NodeError> = await client.onEventLoop {
      do throws(NodeError) {
        let response = try await send(request)
        // A connection that is left in the middle of an answer must be closed; after the end this does nothing.
        defer { response.body.cancel() }
        var reader = AnswerReader(response.body, from: id)
        var items: [Value] = []
        while let bytes = try await reader.nextItem() {
          items += try reader.understood { () throws(FormatError) in try decode(bytes) }
        }
        return .success(items)
      } catch {
        return .failure(error)
      }
    }
    return try result.get()
  }
}
