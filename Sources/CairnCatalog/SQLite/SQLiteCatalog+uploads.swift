package import CairnModel
internal import NIOCore

extension SQLiteCatalog: UploadCatalog {
  package func add(_ upload: PendingUpload, lifetime: Duration) async throws(CatalogError) {
    let encoded = upload.encoded()
    try await writer.write { (session) throws(CatalogError) in
      let now = session.nowMilliseconds
      try session.connection.forgetUploads(endingBefore: now)
      let statement = try session.connection.prepared("INSERT INTO uploads (id, ends, value) VALUES (?, ?, ?)")
      try statement.use { (statement) throws(CatalogError) in
        try statement.bind(1, ByteBuffer(ordered: upload.id))
        try statement.bind(2, Int64(clamping: now + lifetime.wholeMilliseconds))
        try statement.bind(3, encoded)
        _ = try statement.step()
      }
    }
  }

  package func upload(_ id: BlobID) async throws(CatalogError) -> PendingUpload? {
    let now = now().millisecondsSinceEpoch
    return try await readers.read { (connection) throws(CatalogError) in
      try connection.upload(id, at: now)
    }
  }

  package func put(_ part: UploadPart, of id: BlobID) async throws(CatalogError) -> Bool {
    let encoded = part.encoded()
    return try await writer.write { (session) throws(CatalogError) in
      let connection = session.connection
      guard try connection.value(ofUpload: id, at: session.nowMilliseconds) != nil else { return false }
      let statement = try connection.prepared(
        "INSERT OR REPLACE INTO upload_parts (upload, number, value) VALUES (?, ?, ?)")
      try statement.use { (statement) throws(CatalogError) in
        try statement.bind(1, ByteBuffer(ordered: id))
        try statement.bind(2, Int64(part.number))
        try statement.bind(3, encoded)
        _ = try statement.step()
      }
      return true
    }
  }

  package func claim(_ id: BlobID) async throws(CatalogError) -> PendingUpload? {
    // Synced: were it there again after a crash, two objects could be given the same chunks.
    try await writer.writeDurably { (session) throws(CatalogError) in
      let found = try session.connection.upload(id, at: session.nowMilliseconds)
      guard found != nil else { return nil }
      for sql in ["DELETE FROM uploads WHERE id = ?", "DELETE FROM upload_parts WHERE upload = ?"] as [StaticString] {
        try session.connection.prepared(sql).use { (statement) throws(CatalogError) in
          try statement.bind(1, ByteBuffer(ordered: id))
          _ = try statement.step()
        }
      }
      return found
    }
  }
}

extension SQLiteConnection {
  fileprivate func value(ofUpload id: BlobID, at now: UInt64) throws(CatalogError) -> ByteBuffer? {
    try prepared("SELECT value FROM uploads WHERE id = ? AND ends > ?").use {
      (statement) throws(CatalogError) -> ByteBuffer? in
      try statement.bind(1, ByteBuffer(ordered: id))
      try statement.bind(2, Int64(clamping: now))
      return try statement.step() ? statement.bytes(0) : nil
    }
  }

  fileprivate func upload(_ id: BlobID, at now: UInt64) throws(CatalogError) -> PendingUpload? {
    guard let value = try value(ofUpload: id, at: now) else { return nil }
    let parts = try parts(of: id)
    do throws(FormatError) {
      var upload = try PendingUpload(id: id, decoding: value)
      for (number, value) in parts { upload.parts.append(try UploadPart(number: number, decoding: value)) }
      return upload
    } catch {
      throw .format(error)
    }
  }

  private func parts(of id: BlobID) throws(CatalogError) -> [(Int, ByteBuffer)] {
    try prepared("SELECT number, value FROM upload_parts WHERE upload = ? ORDER BY number").use {
      (statement) throws(CatalogError) in
      try statement.bind(1, ByteBuffer(ordered: id))
      var parts: [(Int, ByteBuffer)] = []
      while try statement.step() { parts.append((Int(statement.integer(0)), statement.bytes(1))) }
      return parts
    }
  }

  fileprivate func forgetUploads(endingBefore now: UInt64) throws(CatalogError) {
    for sql in [
      "DELETE FROM upload_parts WHERE upload IN (SELECT id FROM uploads WHERE ends <= ?)",
      "DELETE FROM uploads WHERE ends <= ?",
    ] as [StaticString] {
      try prepared(sql).use { (statement) throws(CatalogError) in
        try statement.bind(1, Int64(clamping: now))
        _ = try statement.step()
      }
    }
  }
}

extension Duration {
  /// Rounded down; 0 for less than none.
  var wholeMilliseconds: UInt64 { UInt64(max(0, self / .milliseconds(1))) }
}
