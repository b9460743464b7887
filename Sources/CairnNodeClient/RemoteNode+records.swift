internal import CairnHTTP
package import CairnModel
internal import NIOCore
internal import NIOHTTP1

extension RemoteNode: RecordLog {
  private static let batchRecordsMax = 4096
  /// Bytes; a batch exceeds them by one record at most.
  private static let batchBytesMax = 4 << 20

  @discardableResult
  package func records(
    in volume: VolumeID, from origin: RecordOrigin, headsAndTombstonesOnly: Bool,
    _ body: @escaping @Sendable ([EncodedRecord]) async throws -> Void
  ) async throws -> UInt64 {
    let start =
      switch origin {
      case .offset(let offset): "\(NodeProtocol.fromQuery)=\(offset)"
      case .time(let time): "\(NodeProtocol.sinceQuery)=\(time.millisecondsSinceEpoch)"
      }
    let kinds = headsAndTombstonesOnly ? "&\(NodeProtocol.kindsQuery)=\(NodeProtocol.kindsNames)" : ""
    let request = request(.GET, NodeProtocol.recordsPath(volume), query: "?\(start)\(kinds)")
    let result: Result<UInt64, any Error> = await client.onEventLoop {
      do {
        let response = try await send(request)
        defer { response.body.cancel() }
        var reader = AnswerReader(response.body, from: id)
        return .success(try await handOver(&reader, body))
      } catch {
        return .failure(error)
      }
    }
    return try result.get()
  }

  private func handOver(
    _ reader: inout AnswerReader, _ body: @Sendable ([EncodedRecord]) async throws -> Void
  ) async throws -> UInt64 {
    var count: UInt64 = 0
    var batch: [EncodedRecord] = []
    var bytes = 0
    while true {
      var whole = try await reader.take(Record.headerLength)
      let end = try reader.understood { () throws(FormatError) in try RecordStreamEnd(whole) }
      if let end {
        guard end.recordCount == count else { throw reader.malformed("it counts other records than it sent") }
        try await reader.finish()
        if !batch.isEmpty { try await body(batch) }
        return end.end
      }
      let header = try reader.understood { () throws(FormatError) in
        try whole.withReadableBytes { (bytes) throws(FormatError) in try RecordHeader(bytes) }
      }
      whole.reserveCapacity(header.length)
      whole.writeImmutableBuffer(try await reader.take(header.length - Record.headerLength))
      let record = try reader.understood { () throws(FormatError) in try EncodedRecord(verifying: whole) }
      count += 1
      batch.append(record)
      bytes += header.length
      guard batch.count >= Self.batchRecordsMax || bytes >= Self.batchBytesMax else { continue }
      try await body(batch)
      batch = []
      bytes = 0
    }
  }
}
