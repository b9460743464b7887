package import CairnModel
internal import NIOCore

extension SQLiteCatalog: ReplayMarks {
  package func replayMarks() async throws(CatalogError) -> [VolumeID: UInt64] {
    let skipped = skipped
    return try await readers.read { (connection) throws(CatalogError) in
      try connection.prepared("SELECT volume, position FROM marks").use { (statement) throws(CatalogError) in
        var marks: [VolumeID: UInt64] = [:]
        while try statement.step() {
          var volume = statement.bytes(0)
          // A volume without a mark is replayed from its start.
          guard let volume = volume.readOrderedVolumeID() else {
            skipped.note(.replayMark, "?", .format(.truncated(what: "replay mark in the catalog")))
            continue
          }
          marks[volume] = UInt64(bitPattern: statement.integer(1))
        }
        return marks
      }
    }
  }

  package func setReplayMarks(_ marks: [VolumeID: UInt64]) async throws(CatalogError) {
    try await writer.writeDurably { (session) throws(CatalogError) in
      // Without any marks too there must be something to sync.
      try session.connection.execute("PRAGMA user_version = \(SQLiteSchema.version)")
      let statement = try session.connection.prepared("INSERT OR REPLACE INTO marks (volume, position) VALUES (?, ?)")
      for (volume, position) in marks {
        try statement.use { (statement) throws(CatalogError) in
          try statement.bind(1, ByteBuffer(ordered: volume))
          try statement.bind(2, Int64(bitPattern: position))
          _ = try statement.step()
        }
      }
    }
  }
}
