package import CairnModel
internal import NIOCore

extension SQLiteCatalog: VolumeCatalog {
  package func volume(_ id: VolumeID) async throws(CatalogError) -> Volume? {
    try await readers.read { (connection) throws(CatalogError) in
      try connection.volume(id)
    }
  }

  package func add(_ volume: Volume) async throws(CatalogError) {
    try await writer.write { (session) throws(CatalogError) in
      let statement = try session.connection.prepared(
        "INSERT OR IGNORE INTO volumes (id, sealed, value) VALUES (?, ?, ?)")
      try statement.use { (statement) throws(CatalogError) in
        try statement.bind(1, ByteBuffer(ordered: volume.id))
        try statement.bind(2, volume.state == .sealed ? 1 : 0)
        try statement.bind(3, volume.encoded())
        _ = try statement.step()
      }
    }
  }

  @discardableResult
  package func seal(_ id: VolumeID) async throws(CatalogError) -> Bool {
    try await writer.write { (session) throws(CatalogError) in
      let statement = try session.connection.prepared(
        "UPDATE volumes SET sealed = 1 WHERE id = ? AND sealed = 0 RETURNING 1")
      return try statement.use { (statement) throws(CatalogError) in
        try statement.bind(1, ByteBuffer(ordered: id))
        return try statement.step()
      }
    }
  }

  package func openVolumes() async throws(CatalogError) -> [Volume] {
    let skipped = skipped
    return try await readers.read { (connection) throws(CatalogError) in
      let statement = try connection.prepared("SELECT id, sealed, value FROM volumes WHERE sealed = 0 ORDER BY id")
      return try statement.use { (statement) throws(CatalogError) in
        var volumes: [Volume] = []
        // One that can't be understood takes no writes; others do.
        while try statement.step() {
          if let volume = skipped.read(.openVolume, "?", statement.volume) { volumes.append(volume) }
        }
        return volumes
      }
    }
  }

  package func volumes(after start: VolumeID?, limit: Int) async throws(CatalogError) -> [Volume] {
    try await readers.read { (connection) throws(CatalogError) in
      let statement = try connection.prepared(
        "SELECT id, sealed, value FROM volumes WHERE id > ? ORDER BY id LIMIT ?")
      return try statement.use { (statement) throws(CatalogError) in
        // Nothing is less than no bytes at all.
        try statement.bind(1, start.map { ByteBuffer(ordered: $0) } ?? ByteBuffer())
        try statement.bind(2, Int64(max(limit, 0)))
        return try statement.volumes()
      }
    }
  }
}

extension SQLiteCatalog {
  package func replaceNodes(
    of id: VolumeID, expecting expected: [NodeID], with nodes: [NodeID]
  ) async throws(CatalogError) -> Bool {
    try await writer.write { (session) throws(CatalogError) in
      guard var volume = try session.connection.volume(id), volume.nodes == expected else { return false }
      volume.nodes = nodes
      let encoded = volume.encoded()
      let statement = try session.connection.prepared("UPDATE volumes SET value = ? WHERE id = ?")
      try statement.use { (statement) throws(CatalogError) in
        try statement.bind(1, encoded)
        try statement.bind(2, ByteBuffer(ordered: id))
        _ = try statement.step()
      }
      return true
    }
  }

  package func remove(_ id: VolumeID, expecting expected: [NodeID]) async throws(CatalogError) -> Bool {
    try await writer.write { (session) throws(CatalogError) in
      guard try session.connection.volume(id)?.nodes == expected else { return false }
      for sql in ["DELETE FROM volumes WHERE id = ?", "DELETE FROM marks WHERE volume = ?"] as [StaticString] {
        try session.connection.prepared(sql).use { (statement) throws(CatalogError) in
          try statement.bind(1, ByteBuffer(ordered: id))
          _ = try statement.step()
        }
      }
      return true
    }
  }
}

extension SQLiteConnection {
  fileprivate func volume(_ id: VolumeID) throws(CatalogError) -> Volume? {
    let statement = try prepared("SELECT id, sealed, value FROM volumes WHERE id = ?")
    return try statement.use { (statement) throws(CatalogError) in
      try statement.bind(1, ByteBuffer(ordered: id))
      return try statement.volumes().first
    }
  }
}

extension SQLiteStatement {
  fileprivate func volumes() throws(CatalogError) -> [Volume] {
    var volumes: [Volume] = []
    while try step() { volumes.append(try volume()) }
    return volumes
  }

  fileprivate func volume() throws(CatalogError) -> Volume {
    var id = bytes(0)
    guard let id = id.readOrderedVolumeID() else { throw .format(.truncated(what: "volume id in the catalog")) }
    return try Volume(id: id, catalogEntry: bytes(2), state: integer(1) == 0 ? .open : .sealed)
  }
}
