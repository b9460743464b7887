internal import CairnCluster
internal import CairnModel
internal import NIOCore

/// A chunk that is durable, with how many of its replicas are.
struct StoredChunk: Sendable {
  let chunk: Manifest.Chunk
  let isDegraded: Bool
}

extension ObjectService {
  /// Chunks of one upload that are on their way to nodes at the same time; one more is coming in meanwhile.
  private static let chunksInFlight = 3

  /// Stores the chunks of a large body, several at once. When it fails, what was stored becomes garbage.
  ///
  /// - Returns: the chunks in their order.
  func storeChunks(
    from first: ChunkReader.Chunk, reader: inout ChunkReader, hasher: StreamHasher, replicas: Int?
  ) async throws(ObjectError) -> [StoredChunk] {
    var stored: [Int: StoredChunk] = [:]
    var failure: ObjectError?
    await withTaskGroup(of: (Int, Result<StoredChunk, ObjectError>).self) { group in
      func take(_ result: (Int, Result<StoredChunk, ObjectError>)?) {
        switch result {
        case (let position, .success(let chunk))?: stored[position] = chunk
        case (_, .failure(let error))?: failure = failure ?? error
        case nil: break
        }
      }
      var next: ChunkReader.Chunk? = first
      var position = 0
      while let chunk = next, failure == nil {
        next = nil
        if position - stored.count >= Self.chunksInFlight { take(await group.next()) }
        let current = position
        group.addTask { (current, await store(chunk, replicas: replicas)) }
        position += 1
        // While chunks are stored and this one is hashed, the next one comes in.
        async let hashed: Void = hasher.update(with: chunk.bytes, on: threads)
        if !chunk.isLast {
          do throws(ObjectError) { next = try await reader.next() } catch { failure = failure ?? error }
        }
        await hashed
      }
      if let unused = next { budget.giveBack(unused.charge) }
      while let result = await group.next() { take(result) }
    }
    if let failure {
      garbage.add(stored.values.map(\.chunk.location))
      throw failure
    }
    return stored.sorted { $0.key < $1.key }.map(\.value)
  }

  /// Stores a chunk. Its part of the budget is given back in any case.
  func store(_ chunk: ChunkReader.Chunk, replicas: Int?) async -> Result<StoredChunk, ObjectError> {
    defer { budget.giveBack(chunk.charge) }
    let id = ids.next()
    do throws(ObjectError) {
      let record: EncodedRecord
      do throws(FormatError) {
        record = try EncodedRecord(
          Record(kind: .chunk, blob: id, timestamp: .now(), metadata: ByteBuffer(), payload: chunk.bytes))
      } catch {
        throw .failed("\(error)")
      }
      let written: WrittenRecord
      do throws(AppendFailure) { written = try await writer.append(record, replicas: replicas) } catch {
        garbage.add(error.abandoned)
        throw error.error
      }
      garbage.add(written.abandoned)
      let location = BlobLocation(volume: written.volume.id, blob: id)
      return .success(
        StoredChunk(
          chunk: Manifest.Chunk(location: location, length: UInt32(chunk.bytes.readableBytes)),
          isDegraded: written.volume.isDegraded))
    } catch {
      return .failure(error)
    }
  }
}
