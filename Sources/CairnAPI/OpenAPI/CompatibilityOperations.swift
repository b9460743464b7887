internal import NIOHTTP1

/// What clients of other servers ask.
extension Operation {
  // MARK: Checksum

  static let download = Operation(
    .GET, "download", "A file's bytes, with their MD5 in a header.",
    parameters: [.query("filename", .named(.objectName), isRequired: true, "The file's name.")] + Parameter.reading,
    answers: fileAnswers(headers: [Header(name: "file_hash", schema: .hexadecimal(32))]),
    failures: [.notFound, .preconditionFailed, .rangeNotSatisfiable], errors: .message)

  static let test = Operation(
    .GET, "test", "Somebody is there.",
    answers: [
      Answer(
        status: .ok, summary: "Yes.",
        content: [Content(type: "text/plain; charset=utf-8", schema: .choice(["Master is working!"]))])
    ], errors: .message, access: .nobody)

  // MARK: Files

  static let postFile = Operation(
    .POST, "postFile", "Store a file that comes as base64.",
    parameters: [.onConflict(otherwise: "reject"), .replicas],
    bodies: ["application/json", "application/x-www-form-urlencoded", "multipart/form-data"].map { type in
      Content(
        type: type,
        schema: .record(.always("filename", .named(.objectName)), .always("file", .text(format: "byte"))))
    },
    answers: [
      .json(
        "It is stored.", .record(.always("filename", .named(.objectName)), .always("id", .named(.blobID))),
        links: ["getFile", "deleteFile"].map { Link(id: $0, parameter: "filename", pointer: "/filename") })
    ],
    failures: [.payloadTooLarge], errors: .file)

  static let getFile = Operation(
    .GET, "getFile", "A file as base64; where there is none, 400 with the error code 2.",
    answers: [.json("The file.", .record(.always("data", .text(format: "byte"))))], errors: .file)

  static let deleteFile = Operation(
    .DELETE, "deleteFile", "Delete a file; where there is none, 400 with the error code 2.",
    answers: [.json("It is deleted.", .record(.always("data", .choice(["File deleted"]))))], errors: .file)

  // MARK: KeyValue

  static let store = Operation(
    .POST, "store", "Keep a text under a key.",
    parameters: [.onConflict(otherwise: "overwrite"), .replicas],
    bodies: [
      .json(
        .record(
          .always("key", .named(.objectName)), .always("value", .plainText),
          .sometimes("filename", .nullable(.text(length: 0...1024))),
          .sometimes("extension", .nullable(.text(length: 0...1024)))))
    ],
    answers: [
      .json(
        "It is kept.", .record(.always("status", .choice(["saved"])), .always("key", .named(.objectName))),
        links: [Link(id: "retrieve", parameter: "key", pointer: "/key")])
    ],
    failures: [.conflict, .payloadTooLarge, .insufficientStorage])

  static let retrieve = Operation(
    .GET, "retrieve", "The text of a key, null where there is none; 422 for what is not UTF-8.",
    answers: [
      .json(
        "The text.",
        .record(
          .always("key", .named(.objectName)), .sometimes("filename", .plainText),
          .always("value", .nullable(.plainText))))
    ],
    failures: [.unprocessableEntity])
}
