internal import NIOHTTP1

/// Uploads in parts.
extension Operation {
  static let beginUpload = Operation(
    .POST, "beginUpload", "Begin an upload in parts; the request's Content-Type will be the file's.",
    parameters: [.query("name", .named(.objectName), isRequired: true, "The file's name."), .replicas],
    answers: [
      .json(
        .created, "It is begun.", .named(.upload),
        links: ["getUpload", "abandonUpload", "putPart", "completeUpload"].map {
          Link(id: $0, parameter: "upload_id", pointer: "/upload_id")
        })
    ])

  static let getUpload = Operation(
    .GET, "getUpload", "Which parts of an upload are there.",
    answers: [.json("The upload.", .named(.upload))], failures: [.notFound])

  static let abandonUpload = Operation(
    .DELETE, "abandonUpload", "Give an upload up.",
    answers: [Answer(status: .noContent, summary: "It is given up.")], failures: [.notFound])

  static let putPart = Operation(
    .PUT, "putPart", "Store the body as a part; parts may come in any order, and again.", parameters: [.digest],
    bodies: [.bytes], needsBody: false, answers: [.json("The part is stored.", .named(.part))],
    failures: [.notFound, .payloadTooLarge, .unprocessableEntity, .insufficientStorage])

  static let completeUpload = Operation(
    .POST, "completeUpload", "Make a file of the parts, in the order of their numbers.",
    parameters: [.onConflict(otherwise: "overwrite"), .digest], answers: storedAnswers,
    failures: [.notFound, .conflict, .payloadTooLarge, .unprocessableEntity, .insufficientStorage])
}
