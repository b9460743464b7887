internal import CairnHTTP
package import CairnModel
internal import Foundation
internal import NIOCore
internal import NIOHTTP1

extension BlobClient {
  /// Versions of a file that are begun before it is given up: somebody replaces it all the time.
  private static let versionsMax = 5
  /// Bytes of an answer that is an error.
  private static let refusalBytesMax = 1 << 20

  /// Downloads a file under a temporary name, verifies it, and gives it its own. What a killed download has left is
  /// gone on with.
  ///
  /// - Parameters:
  ///   - place: the file to write.
  ///   - known: what a list told of the file; nil to ask.
  package func download(
    _ name: ByteText, to place: DownloadPlace, known: RemoteFile? = nil, files: TemporaryFiles,
    transfer: ProgressMeter.Transfer? = nil
  ) async throws(ClientError) -> RemoteFile {
    var file = if let known { known } else { try await head(name) }
    for _ in 0..<Self.versionsMax {
      let part = try PartFile(for: file, at: place, files, threads)
      do throws(ClientError) {
        try await part.resume(size: file.size)
        let wasResumed = part.isResumed
        do throws(ClientError) {
          file = try await fill(part, from: file, transfer)
        } catch .mismatch where wasResumed {
          // The part that was there may be what is wrong.
          try part.restart()
          file = try await fill(part, from: file, transfer)
        }
        try part.complete()
        return file
      } catch .changed {
        part.giveUp(keepsPart: false)
        file = try await head(name)
      } catch {
        part.giveUp(keepsPart: error.isTransient)
        throw error
      }
    }
    throw .changed("\(Self.quoted(name)) keeps being replaced while it is read: try later")
  }

  /// Writes a file to standard output, a pipe or a device, and verifies what was written.
  package func download(
    _ name: ByteText, to output: OutputDescriptor, transfer: ProgressMeter.Transfer? = nil
  ) async throws(ClientError) -> RemoteFile {
    let sink = StreamSink(output, threads)
    return try await fill(sink, from: head(name), transfer)
  }

  /// Downloads a file to where it is wanted.
  ///
  /// - Parameter target: is asked on a thread that may block, as opening a pipe does.
  /// - Returns: also the path that was written, as people read it.
  package func download(
    _ known: RemoteFile, to target: @escaping @Sendable () throws(ClientError) -> OutputTarget, files: TemporaryFiles,
    transfer: ProgressMeter.Transfer? = nil
  ) async throws(ClientError) -> (file: RemoteFile, path: String?) {
    switch try await threads.blocking(target) {
    case .file(let place):
      return (try await download(known.name, to: place, known: known, files: files, transfer: transfer), place.path)
    case .stream(let output):
      return (try await download(known.name, to: output, transfer: transfer), output.path)
    }
  }

  /// Downloads a file, verifies it, and drops it.
  ///
  /// - Returns: its bytes' number.
  func discard(_ name: ByteText) async throws(ClientError) -> Int {
    let request = server.request(.GET, path(name))
    let result: Result<Int, ClientError> = await http.onEventLoop {
      do throws(ClientError) {
        let response = try await send(request)
        guard response.status == .ok else {
          throw refusal(response.status, response.headers, try await collect(response.body), about: name)
        }
        let file = try Self.file(name, response.headers)
        var digest = TransferDigest()
        var count = 0
        while let bytes = try await next(response.body) {
          count += bytes.readableBytes
          bytes.withUnsafeReadableBytes { digest.update($0) }
        }
        guard digest.sums.agree(with: file.checksums) else { throw .mismatch(Self.quoted(name)) }
        return .success(count)
      } catch {
        return .failure(error)
      }
    }
    return try result.get()
  }

  /// Reads until the sink has everything, from where it stands, as often as it breaks off.
  private func fill(
    _ sink: any DownloadSink, from file: RemoteFile, _ transfer: ProgressMeter.Transfer?
  ) async throws(ClientError) -> RemoteFile {
    var file = file
    var failures = 0
    transfer?.restart(at: sink.count, of: file.size)
    while sink.count < file.size || file.size == 0 {
      let before = sink.count
      do throws(ClientError) {
        let sha256 = try await read(file, into: sink, transfer)
        if let sha256 { file.checksums = Checksums(md5: file.checksums.md5, sha256: sha256) }
        if file.size == 0 { break }
      } catch {
        failures = sink.count > before ? 1 : failures + 1
        try await retry.wait(after: error, failures: failures)
      }
    }
    guard sink.count == file.size, sink.sums.agree(with: file.checksums) else {
      throw mismatch(file, sink)
    }
    file.checksums = sink.sums
    return file
  }

  /// One request for what the sink doesn't have yet.
  ///
  /// - Returns: the SHA-256 of the whole, where the server tells it.
  private func read(
    _ file: RemoteFile, into sink: any DownloadSink, _ transfer: ProgressMeter.Transfer?
  ) async throws(ClientError) -> String? {
    let start = sink.count
    var headers: HTTPHeaders = ["If-Match": file.etag, "Want-Repr-Digest": "sha-256=1"]
    if start > 0 { headers.add(name: "Range", value: "bytes=\(start)-") }
    let request = server.request(.GET, path(file.name), headers: headers)
    let result: Result<String?, ClientError> = await http.onEventLoop {
      do throws(ClientError) {
        let response = try await send(request)
        guard response.status == (start > 0 ? .partialContent : .ok) else {
          let body = try await collect(response.body)
          throw refusal(response.status, response.headers, body, about: file.name)
        }
        if start > 0 {
          let range = response.headers.first(name: "content-range") ?? ""
          guard ByteText(range).starts(with: "bytes \(start)-") else {
            throw .refused("\(server.listen) was asked for bytes from \(start) and answered '\(range)'")
          }
        }
        while let bytes = try await next(response.body) {
          guard sink.count + UInt64(bytes.readableBytes) <= file.size else {
            response.body.cancel()
            throw mismatch(file, sink)
          }
          try await sink.append(bytes)
          transfer?.advance(bytes.readableBytes)
        }
        return .success(ReprDigest.sha256(response.headers))
      } catch {
        return .failure(error)
      }
    }
    return try result.get()
  }

  private func mismatch(_ file: RemoteFile, _ sink: any DownloadSink) -> ClientError {
    sink.canRestart ? .mismatch(Self.quoted(file.name)) : .unverified(Self.quoted(file.name))
  }

  private func send(_ request: HTTPClientRequest) async throws(ClientError) -> HTTPClientResponse {
    do throws(HTTPClientError) { return try await http.send(request, to: server.listen) } catch {
      throw ClientError(error)
    }
  }

  private func next(_ body: HTTPClientBody) async throws(ClientError) -> ByteBuffer? {
    do throws(HTTPClientError) { return try await body.next() } catch { throw ClientError(error) }
  }

  private func collect(_ body: HTTPClientBody) async throws(ClientError) -> Data {
    do throws(HTTPClientError) {
      return Data(try await body.collect(limit: Self.refusalBytesMax).readableBytesView)
    } catch {
      throw ClientError(error)
    }
  }
}
