package import CairnModel
internal import NIOCore

extension SQLiteCatalog: UploadCatalog {
  package func add(_ upload: PendingUpload, lifetime: Duration) async throws(CatalogError) {
    let encoded = upload.encoded()
    let parts = upload.parts.map { ($0.number, $0.encoded()) }
    try await writer.write { (session) throws(CatalogError) in
      let now = session.nowMilliseconds
      let connection = session.connection
      try connection.forgetUploads(endingBefore: now)
      let statement = try connection.prepared(
        "INSERT INTO uploads (id, ends, value, name, claimed) VALUES (?, ?, ?, ?, ?)")
      try statement.use { (statement) throws(CatalogError) in
        try statement.bind(1, ByteBuffer(ordered: upload.id))
        try statement.bind(2, Int64(clamping: now + lifetime.wholeMilliseconds))
        try statement.bind(3, encoded)
        try statement.bind(4, UploadRange.name(of: upload))
        try statement.bind(5, upload.isClaimed ? 1 : 0)
        _ = try statement.step()
      }
      for (number, value) in parts { try connection.put(part: number, value, of: upload.id) }
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
      guard let (_, isClaimed) = try connection.value(ofUpload: id, at: session.nowMilliseconds), !isClaimed else {
        return false
      }
      try connection.put(part: part.number, encoded, of: id)
      return true
    }
  }

  package func claim(_ id: BlobID, lifetime: Duration) async throws(CatalogError) -> PendingUpload? {
    // Synced: were it free again after a crash, two objects could be given the same chunks.
    try await writer.writeDurably { (session) throws(CatalogError) in
      let connection = session.connection
      let now = session.nowMilliseconds
      guard var found = try connection.upload(id, at: now), !found.isClaimed else { return nil }
      let statement = try connection.prepared("UPDATE uploads SET claimed = 1, ends = max(ends, ?) WHERE id = ?")
      try statement.use { (statement) throws(CatalogError) in
        try statement.bind(1, Int64(clamping: now + lifetime.wholeMilliseconds))
        try statement.bind(2, ByteBuffer(ordered: id))
        _ = try statement.step()
      }
      found.isClaimed = true
      return found
    }
  }

  package func release(_ id: BlobID) async throws(CatalogError) {
    try await writer.write { (session) throws(CatalogError) in
      try session.connection.run("UPDATE uploads SET claimed = 0 WHERE id = ?", on: id)
    }
  }

  package func forget(_ id: BlobID) async throws(CatalogError) {
    try await writer.write { (session) throws(CatalogError) in
      try session.connection.run("DELETE FROM uploads WHERE id = ?", on: id)
      try session.connection.run("DELETE FROM upload_parts WHERE upload = ?", on: id)
    }
  }

  package func uploads(_ range: UploadRange, limit: Int) async throws(CatalogError) -> [PendingUpload] {
    let now = now().millisecondsSinceEpoch
    return try await readers.read { (connection) throws(CatalogError) in
      try connection.uploads(range, limit: limit, at: now)
    }
  }
}

extension SQLiteConnection {
  fileprivate func value(
    ofUpload id: BlobID, at now: UInt64
  ) throws(CatalogError) -> (value: ByteBuffer, isClaimed: Bool)? {
    try prepared("SELECT value, claimed FROM uploads WHERE id = ? AND ends > ?").use {
      (statement) throws(CatalogError) -> (ByteBuffer, Bool)? in
      try statement.bind(1, ByteBuffer(ordered: id))
      try statement.bind(2, Int64(clamping: now))
      return try statement.step() ? (statement.bytes(0), statement.integer(1) != 0) : nil
    }
  }

  fileprivate func upload(_ id: BlobID, at now: UInt64) throws(CatalogError) -> PendingUpload? {
    guard let (value, isClaimed) = try value(ofUpload: id, at: now) else { return nil }
    let parts = try parts(of: id)
    do throws(FormatError) {
      var upload = try PendingUpload(id: id, decoding: value)
      upload.isClaimed = isClaimed
      for (number, value) in parts { upload.parts.append(try UploadPart(number: number, decoding: value)) }
      return upload
    } catch {
      throw .format(error)
    }
  }

  fileprivate func uploads(
    _ range: UploadRange, limit: Int, at now: UInt64
  ) throws(CatalogError) -> [PendingUpload] {
    let sql: StaticString =
      range.includesClaimed
      ? "SELECT id, value FROM uploads WHERE name >= ? AND name < ? AND ends > ? ORDER BY name LIMIT ?"
      : """
      SELECT id, value FROM uploads WHERE claimed = 0 AND name >= ? AND name < ? AND ends > ? ORDER BY name LIMIT ?
      """
    return try prepared(sql).use { (statement) throws(CatalogError) in
      try statement.bind(1, range.lower)
      try statement.bind(2, range.upper)
      try statement.bind(3, Int64(clamping: now))
      try statement.bind(4, Int64(limit))
      var uploads: [PendingUpload] = []
      while try statement.step() {
        var id = statement.bytes(0)
        guard let id = id.readOrderedBlobID() else { throw .failed("it holds an upload without an id") }
        do throws(FormatError) { uploads.append(try PendingUpload(id: id, decoding: statement.bytes(1))) } catch {
          throw .format(error)
        }
      }
      return uploads
    }
  }

  fileprivate func put(part number: Int, _ value: ByteBuffer, of id: BlobID) throws(CatalogError) {
    let statement = try prepared("INSERT OR REPLACE INTO upload_parts (upload, number, value) VALUES (?, ?, ?)")
    try statement.use { (statement) throws(CatalogError) in
      try statement.bind(1, ByteBuffer(ordered: id))
      try statement.bind(2, Int64(number))
      try statement.bind(3, value)
      _ = try statement.step()
    }
  }

  fileprivate func run(_ sql: StaticString, on id: BlobID) throws(CatalogError) {
    try prepared(sql).use { (statement) throws(CatalogError) in
      try statement.bind(1, ByteBuffer(ordered: id))
      _ = try statement.step()
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
