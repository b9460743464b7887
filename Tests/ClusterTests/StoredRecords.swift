import CairnCatalog
import CairnModel
import CairnStorage
import CairnTestSupport
import Logging
import NIOCore
import NIOPosix
import Synchronization
import Testing

/// What lies in the volumes of a node that has stopped, read with the storage engine and nothing else.
struct StoredRecords: Sendable {
  struct Head: Sendable {
    let record: HeadRecord
    let payload: [UInt8]
  }

  var heads: [BlobLocation: Head] = [:]
  var chunks: [BlobLocation: Int] = [:]
  /// Names that were deleted, with the newest version that is gone.
  var deletions: [ObjectName: BlobID] = [:]
  var garbage: Set<BlobLocation> = []

  static let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

  /// Reads the storage paths of several nodes.
  static func read(_ paths: [String]) async throws -> StoredRecords {
    let threads = NIOThreadPool(numberOfThreads: 2)
    threads.start()
    let found = Mutex(StoredRecords())
    for path in paths {
      let store = try await threads.runIfActive {
        try VolumeStore.open(
          StorageConfiguration(path: path, freeSpaceMin: 0), threadPool: threads, logger: quiet)
      }
      for volume in store.volumes() {
        let report = try await store.scan(volume.id) { _, record in
          let location = BlobLocation(volume: volume.id, blob: record.header.blob)
          try found.withLock { try $0.take(record, at: location) }
        }
        #expect(report.damaged == [])
      }
      await store.close()
    }
    try await threads.shutdownGracefully()
    return found.withLock { $0 }
  }

  private mutating func take(_ record: EncodedRecord, at location: BlobLocation) throws {
    switch record.header.kind {
    case .head:
      heads[location] = Head(
        record: try HeadRecord(metadata: record.record.metadata), payload: Array(record.payload.readableBytesView))
    case .chunk: chunks[location] = record.payload.readableBytes
    case .tombstone:
      let tombstone = try Tombstone(metadata: record.record.metadata)
      garbage.formUnion(tombstone.garbage)
      if let object = tombstone.object {
        deletions[object.name] = max(deletions[object.name] ?? object.upTo, object.upTo)
      }
    }
  }

  /// Every object that the catalog knows has its head record with the same attributes, and all of its bytes; and every
  /// head record that the catalog does not know has a reason on the disks (invariant 4).
  ///
  /// - Returns: how many objects the catalog knows.
  func expectAll(of catalog: any ObjectCatalog) async throws -> Int {
    var known: [ObjectName: BlobID] = [:]
    var start: String?
    repeat {
      let page = try await catalog.list(.default, ListQuery(startAfter: start, limit: 1000))
      for entry in page.entries {
        let name = ObjectName(key: entry.key)
        known[name] = entry.object.head.blob
        let head = try #require(heads[entry.object.head], "\(entry.key.text) has no head record")
        #expect(head.record.name == name)
        #expect(head.record.attributes == entry.object.attributes, "\(entry.key.text)")
        #expect(!garbage.contains(entry.object.head), "\(entry.key.text) is garbage")
        switch entry.object.attributes.layout {
        case .inline: #expect(UInt64(head.payload.count) == entry.object.attributes.size, "\(entry.key.text)")
        case .manifest:
          let manifest = try Manifest(decoding: ByteBuffer(bytes: head.payload))
          #expect(manifest.chunks.reduce(0) { $0 + UInt64($1.length) } == entry.object.attributes.size)
          for chunk in manifest.chunks {
            #expect(chunks[chunk.location] == Int(chunk.length), "a chunk of \(entry.key.text)")
            #expect(!garbage.contains(chunk.location), "a chunk of \(entry.key.text) is garbage")
          }
        }
      }
      start = page.nextStartAfter
    } while start != nil
    for (location, head) in heads where known[head.record.name] != location.blob {
      let isOlder = known[head.record.name].map { location.blob < $0 } ?? false
      let isDeleted = deletions[head.record.name].map { location.blob <= $0 } ?? false
      let isRefused = head.record.condition != .always
      #expect(
        isOlder || isDeleted || isRefused || garbage.contains(location),
        "\(head.record.name.key.text) is on the disks, and not in the catalog")
    }
    return known.count
  }
}
