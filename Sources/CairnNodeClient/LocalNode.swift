package import CairnModel
package import CairnStorage
internal import NIOCore

/// The storage node in the coordinator's own process: no HTTP between them.
package struct LocalNode: StorageNode {
  let store: VolumeStore

  package init(_ store: VolumeStore) {
    self.store = store
  }

  package var id: NodeID { store.node }

  package func createVolume(_ volume: VolumeID) async throws(NodeError) {
    do throws(StorageError) { try await store.createVolume(volume) } catch { throw nodeError(error) }
  }

  package func append(_ record: EncodedRecord, to volume: VolumeID) async throws(NodeError) {
    do throws(StorageError) { try await store.append(record, to: volume) } catch { throw nodeError(error) }
  }

  package func seal(_ volume: VolumeID) async throws(NodeError) {
    do throws(StorageError) { try await store.seal(volume) } catch { throw nodeError(error) }
  }

  package func read(_ location: BlobLocation, range: Range<UInt64>?) async throws(NodeError) -> BlobContent {
    let blob: StoredBlob?
    do throws(StorageError) { blob = try await store.read(location) } catch { throw nodeError(error) }
    guard let blob else { throw .refused(id, .blobUnknown, "volume \(location.volume) has no blob \(location.blob)") }
    let range = (range ?? 0..<UInt64(blob.header.payloadLength)).clamped(to: 0..<UInt64(blob.header.payloadLength))
    switch blob.payload {
    case .bytes(let payload):
      let slice = payload.getSlice(at: payload.readerIndex + Int(range.lowerBound), length: range.count)
      return .bytes(slice ?? ByteBuffer())
    case .file(let file):
      return .stream(length: UInt64(range.count)) { sink in
        try await sink.write(file, Int(range.lowerBound)..<Int(range.upperBound))
      }
    }
  }

  private func nodeError(_ error: StorageError) -> NodeError {
    .refused(id, error.refusal, "\(error)")
  }
}
