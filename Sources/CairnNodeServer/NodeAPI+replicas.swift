internal import CairnHTTP
internal import CairnModel
internal import CairnStorage
internal import NIOCore
internal import NIOHTTP1

/// What replicas are copied, compared and repaired with.
extension NodeAPI {
  /// Volumes of which a listing asks the store at once.
  private static let listedAtOnce = 1024

  func listVolumes() -> HTTPResponse {
    frames { [store] frames in
      let ids = store.volumeIDs
      for start in stride(from: 0, to: ids.count, by: Self.listedAtOnce) {
        for replica in store.replicas(ids[start..<min(start + Self.listedAtOnce, ids.count)]) {
          try await frames.item(replica.encoded())
        }
      }
    }
  }

  func streamRecords(of volume: VolumeID, _ request: HTTPRequest) async throws -> HTTPResponse {
    let parameters = QueryParameters(request.query)
    guard let offset = parameters.number(NodeProtocol.fromQuery, default: 0) else {
      throw Refusal(.malformed, "'\(NodeProtocol.fromQuery)' must be an offset in bytes")
    }
    guard let milliseconds = parameters.number(NodeProtocol.sinceQuery, default: 0),
      let since = Timestamp(millisecondsSinceEpoch: milliseconds)
    else {
      throw Refusal(
        .malformed,
        "'\(NodeProtocol.sinceQuery)' must be milliseconds since 1970, at most \(Timestamp.millisecondsMax)")
    }
    let origin: RecordOrigin = milliseconds > 0 ? .time(since) : .offset(offset)
    let kinds: RecordCursor.Kinds
    switch parameters[NodeProtocol.kindsQuery] {
    case nil: kinds = .all
    case NodeProtocol.kindsNames: kinds = .headsAndTombstones
    default: throw Refusal(.malformed, "'\(NodeProtocol.kindsQuery)' can only be '\(NodeProtocol.kindsNames)'")
    }
    let cursor = try await store.records(in: volume, from: origin, kinds: kinds)
    return HTTPResponse(
      .ok,
      body: .stream(length: nil) { writer in
        var count: UInt64 = 0
        while true {
          let records = try await cursor.next()
          if records.isEmpty { break }
          count += UInt64(records.count)
          try await Self.write(records, to: writer)
          // Before the disk is waited for again.
          writer.flush()
        }
        let end = RecordStreamEnd(recordCount: count, end: cursor.end, damagedCount: UInt64(cursor.damaged.count))
        try await writer.write(end.encoded())
      })
  }

  /// Payloads of fewer bytes are copied together: each write is a chunk of the answer.
  private static let copiedPayloadMax = 64 << 10
  private static let gatheredBytesMax = 256 << 10

  private static func write(_ records: [EncodedRecord], to writer: HTTPResponseWriter) async throws {
    var gathered = ByteBuffer()
    for record in records {
      gathered.writeImmutableBuffer(record.prefix)
      let isLarge = record.payload.readableBytes > copiedPayloadMax
      if !isLarge { gathered.writeImmutableBuffer(record.payload) }
      if isLarge || gathered.readableBytes >= gatheredBytesMax {
        try await writer.write(gathered)
        gathered = ByteBuffer()
      }
      if isLarge { try await writer.write(record.payload) }
    }
    try await writer.write(gathered)
  }

  func readRecord(_ location: BlobLocation) async throws -> HTTPResponse {
    guard let record = try await store.record(location) else {
      throw Refusal(.blobUnknown, "volume \(location.volume) has no blob \(location.blob)")
    }
    return HTTPResponse(
      .ok,
      body: .stream(length: UInt64(record.header.length)) { writer in
        try await writer.write(record.prefix)
        try await writer.write(record.payload)
      })
  }

  /// An answer that `produce` writes item by item. Once it has begun, a failure is told in a frame of its own.
  func frames(_ produce: @escaping @Sendable (inout FrameWriter) async throws -> Void) -> HTTPResponse {
    HTTPResponse(
      .ok,
      body: .stream(length: nil) { writer in
        var frames = FrameWriter(writer)
        do {
          try await produce(&frames)
          try await frames.end()
        } catch let error as StorageError {
          try await frames.refuse(error.refusal, "\(error)")
        }
      })
  }
}

/// The parameters of a request, which here are numbers and words that need no percent-encoding.
struct QueryParameters {
  private var values: [Substring: Substring] = [:]

  init(_ query: Substring) {
    for part in query.split(separator: "&") {
      let pair = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      values[pair[0]] = pair.count > 1 ? pair[1] : ""
    }
  }

  subscript(_ name: String) -> String? { values[name[...]].map(String.init) }

  /// The number with that name, `fallback` where there is none; nil where it is no number.
  func number(_ name: String, default fallback: UInt64) -> UInt64? {
    guard let text = self[name] else { return fallback }
    return UInt64(text)
  }
}
