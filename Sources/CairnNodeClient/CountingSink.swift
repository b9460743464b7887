package import CairnStorage
package import NIOCore

/// Counts the bytes that go through to another sink. Used by one writer at a time.
package final class CountingSink: ByteSink, @unchecked Sendable {
  private let sink: any ByteSink
  package private(set) var count: UInt64 = 0

  package init(_ sink: any ByteSink) {
    self.sink = sink
  }

  package func write(_ bytes: ByteBuffer) async throws {
    try await sink.write(bytes)
    count += UInt64(bytes.readableBytes)
  }

  package func write(_ file: BlobFile, _ range: Range<Int>) async throws {
    try await sink.write(file, range)
    count += UInt64(range.count)
  }
}
