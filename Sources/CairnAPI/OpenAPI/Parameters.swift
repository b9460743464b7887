internal import CairnCluster
internal import CairnObjects

extension Operation.Parameter {
  static func path(_ name: String, _ schema: Schema, _ summary: String) -> Self {
    .init(place: .path, name: name, schema: schema, isRequired: true, summary: summary)
  }

  static func query(_ name: String, _ schema: Schema, isRequired: Bool = false, _ summary: String) -> Self {
    .init(place: .query, name: name, schema: schema, isRequired: isRequired, summary: summary)
  }

  static func header(_ name: String, _ summary: String, _ schema: Schema = .plainText) -> Self {
    .init(place: .header, name: name, schema: schema, summary: summary)
  }

  static func onConflict(otherwise rule: String) -> Self {
    .query(
      "on_conflict", .choice(["overwrite", "rename", "reject"]), "What to do with a taken name; otherwise \(rule).")
  }

  static let replicas = header(
    "X-Cairn-Replicas", "Copies to make; otherwise the operator's number.",
    .integer(1...ReplicationPolicy.replicasMax))

  static let digest = header(
    "Repr-Digest", "The SHA-256 of the file as `sha-256=:BASE64:`; it may follow the body. What differs is refused.")

  /// Conditions of RFC 9110 on the current version.
  static let conditions: [Self] = [
    header("If-Match", "Go on only where the ETag is one of these, or for `*` where there is a file."),
    header("If-None-Match", "Go on only where the ETag is none of these, or for `*` where there is no file."),
    header("If-Modified-Since", "Go on only where the file is newer."),
    header("If-Unmodified-Since", "Go on only where the file is not newer."),
  ]

  /// Of a request for a file's bytes.
  static let reading =
    conditions + [
      header("Range", "`bytes=…`, one range or several."),
      header("If-Range", "An ETag or a date: with another version the whole file is sent."),
      header("Want-Repr-Digest", "`sha-256=1` to have the SHA-256 in the answer's `Repr-Digest`."),
    ]
}

extension Schema {
  static let partNumber = integer(ObjectService.partNumbers)
}

extension Operation.Header {
  static let etag = Self(name: "ETag", schema: .text(pattern: "^\"[0-9a-f]{32}(-[0-9]+)?\"$"))

  /// Of every answer about a file's bytes.
  static let aboutFile: [Self] = [
    etag,
    .init(name: "Last-Modified", schema: .plainText),
    .init(name: "Accept-Ranges", schema: .choice(["bytes"])),
    .init(name: "Repr-Digest", schema: .text(pattern: "^sha-256=:[A-Za-z0-9+/]{43}=:$"), isRequired: false),
  ]

  static let disposition = Self(name: "Content-Disposition", schema: .text(pattern: "^attachment; filename=\""))
}
