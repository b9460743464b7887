internal import NIOCore
internal import NIOPosix

/// Where the bytes of a download go, with their checksums. Confined to the download's task.
protocol DownloadSink: AnyObject, Sendable {
  /// Bytes that it has.
  var count: UInt64 { get }
  var sums: Checksums { get }
  /// Whether what it has can be dropped, so that nobody sees bytes that turn out to be wrong.
  var canRestart: Bool { get }
  func append(_ bytes: ByteBuffer) async throws(ClientError)
  func restart() throws(ClientError)
}

/// Standard output, a pipe or a device: what went can't be taken back.
final class StreamSink: DownloadSink, @unchecked Sendable {
  private let output: OutputDescriptor
  private let threads: NIOThreadPool
  private(set) var count: UInt64 = 0
  private var digest = TransferDigest()
  let canRestart = false

  init(_ output: OutputDescriptor, _ threads: NIOThreadPool) {
    self.output = output
    self.threads = threads
  }

  var sums: Checksums { digest.sums }

  func append(_ bytes: ByteBuffer) async throws(ClientError) {
    try await threads.blocking { () throws(ClientError) in try self.write(bytes) }
  }

  private func write(_ bytes: ByteBuffer) throws(ClientError) {
    try output.write(bytes)
    bytes.withUnsafeReadableBytes { digest.update($0) }
    count += UInt64(bytes.readableBytes)
  }

  func restart() throws(ClientError) {
    guard count == 0 else {
      throw .changed("The file was replaced on the server after a part of it had been written: start again")
    }
  }
}

extension OutputDescriptor {
  /// Writes all that is readable.
  func write(_ bytes: ByteBuffer) throws(ClientError) {
    let failure = bytes.withUnsafeReadableBytes { bytes -> ClientError? in
      do throws(ClientError) { try write(bytes) } catch { return error }
      return nil
    }
    if let failure { throw failure }
  }
}
