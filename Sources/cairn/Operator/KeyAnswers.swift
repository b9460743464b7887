/// An access key in `GET /keys`, and what `POST /keys` answers.
struct KeyAnswer: Decodable, Hashable {
  struct Grant: Decodable, Hashable {
    /// `*` for every one.
    var bucket: String
    var permissions: [String]
  }

  var id: String
  /// Only of a new key.
  var secret: String?
  var createdAt: String
  var grants: [Grant]
  /// Buckets that it may do everything with, because it created them.
  var owns: [String]?
}

/// What `GET /keys` answers.
struct KeysAnswer: Decodable, Hashable {
  var keys: [KeyAnswer]

  init(_ keys: [KeyAnswer]) {
    self.keys = keys
  }

  /// What people see of it.
  var text: String {
    guard !keys.isEmpty else { return "there is no access key: make one with `cairn key create`" }
    var columns = Columns(["KEY": .left, "CREATED": .left, "BUCKET": .left, "MAY": .left])
    for key in keys {
      let rows =
        key.grants.map { [$0.bucket, $0.permissions.joined(separator: ", ")] }
        + (key.owns ?? []).map { [$0, "everything, as its owner"] }
      if rows.isEmpty { columns.add([key.id, key.createdAt, "", "nothing"]) }
      for (index, row) in rows.enumerated() {
        columns.add((index == 0 ? [key.id, key.createdAt] : [" ", " "]) + row)
      }
    }
    return columns.text
  }
}
