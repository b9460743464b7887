internal import CairnCatalog
internal import NIOHTTP1

/// Blobs by their names.
extension Operation {
  static let upload = Operation(
    .POST, "upload", "Store the files of a form; or, with `input_file` and `file_hash`, one whose MD5 is compared.",
    parameters: [.onConflict(otherwise: "overwrite, and with `file_hash` rename"), .replicas],
    bodies: [
      Content(
        type: "multipart/form-data",
        schema: .alternatives(
          [
            .sometimes("file", .list(.bytes)), .sometimes("input_file", .bytes),
            .sometimes("file_hash", .text(pattern: "^[0-9a-fA-F]{32}$")),
          ], [["file"], ["input_file", "file_hash"]]))
    ],
    answers: [
      .json(
        "The files are stored.",
        .any([
          .record(
            .always("message", .plainText), .always("metadata", .named(.stored)),
            .sometimes("files", .list(.named(.stored)))),
          .record(
            .always("message", .plainText), .always("name", .named(.objectName)),
            .always("blob_id", .named(.blobID))),
        ]))
    ],
    failures: [.conflict, .payloadTooLarge, .insufficientStorage], errors: .detailOrMessage)

  static let getBlob = Operation(
    .GET, "getBlob", "A file's bytes.", parameters: Parameter.reading,
    answers: fileAnswers(headers: []), failures: [.notFound, .preconditionFailed, .rangeNotSatisfiable])

  static let putBlob = Operation(
    .PUT, "putBlob", "Store the body, or a copy of another file, under a name.",
    parameters: Parameter.conditions + [
      .onConflict(otherwise: "overwrite"), .replicas, .digest,
      .header(
        "X-Cairn-Copy-Source", "The name of a file of this server, percent-encoded, to copy; the body is not read.",
        .named(.encodedName)),
      .header("X-Cairn-Copy-Source-If-Match", "Copy only where the source's ETag is one of these."),
    ],
    bodies: [.bytes], needsBody: false, answers: storedAnswers,
    failures: [
      .notFound, .conflict, .preconditionFailed, .payloadTooLarge, .unprocessableEntity, .insufficientStorage,
    ])

  static let deleteBlob = Operation(
    .DELETE, "deleteBlob", "Delete a file.", parameters: Parameter.conditions,
    answers: [Answer(status: .noContent, summary: "It is deleted.")], failures: [.notFound, .preconditionFailed])

  static let blobStatus = Operation(
    .GET, "blobStatus", "Which nodes have a file, and where more copies will be.",
    answers: [
      .json(
        "Where the file is.",
        .record(
          .always("blob_id", .named(.blobID)), .always("status", .choice(["completed", "degraded", "in_progress"])),
          .always("successful_nodes", .list(.named(.nodeID))), .always("failed_nodes", .list(.named(.nodeID))),
          .always("pending_nodes", .list(.named(.nodeID))), .always("missing_replicas", .count)))
    ],
    failures: [.notFound])

  static let listBlobs = Operation(
    .GET, "listBlobs", "Names in bytewise order, page by page.",
    parameters: [
      .query("prefix", .plainText, "Only names that start so."),
      .query("delimiter", .plainText, "Names that have it after the prefix are told up to it, once."),
      .query("start_after", .plainText, "Only names after this one: `next_start_after` of the page before."),
      .query("limit", .integer(1...CatalogLimits.pageLengthMax), "How many, at most."),
    ],
    answers: [
      .json(
        "A page.",
        .record(
          .always("blobs", .list(.named(.listed))), .always("prefixes", .list(.plainText)),
          .always("next_start_after", .nullable(.plainText))))
    ])

  /// - Parameter headers: besides those of every file.
  static func fileAnswers(headers: [Header]) -> [Answer] {
    let all = headers + Header.aboutFile
    let anyBytes = [Content(type: "*/*", schema: .bytes)]
    return [
      Answer(status: .ok, summary: "The file.", headers: all + [.disposition], content: anyBytes),
      Answer(
        status: .partialContent, summary: "A range of the file, or several as multipart/byteranges.",
        headers: all + [.disposition], content: anyBytes),
      Answer(status: .notModified, summary: "The client has the current version.", headers: all),
    ]
  }

  static let storedAnswers = [
    storedAnswer(.ok, "There was a file of this name; this is the new one."),
    storedAnswer(.created, "The file is stored."),
  ]

  private static func storedAnswer(_ status: HTTPResponseStatus, _ summary: String) -> Answer {
    .json(
      status, summary, headers: [.etag],
      .record(.always("message", .plainText), .always("metadata", .named(.stored))),
      links: ["getBlob", "deleteBlob", "blobStatus"].map {
        Link(id: $0, parameter: "file_name", pointer: "/metadata/name")
      })
  }
}
