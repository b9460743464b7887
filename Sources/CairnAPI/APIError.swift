internal import CairnCatalog
package import CairnHTTP
package import CairnModel
package import CairnObjects
package import NIOHTTP1

/// An answer that is an error: what was wrong, in words, and a status that a client can act on.
package struct APIError: Error, Hashable, Sendable {
  package var status: HTTPResponseStatus
  package var detail: String
  package var headers: HTTPHeaders = [:]
  /// How its clients want to read it.
  var form: ErrorForm = .detail

  package init(_ status: HTTPResponseStatus, _ detail: String, headers: HTTPHeaders = [:]) {
    self.status = status
    self.detail = detail
    self.headers = headers
  }

  package static func == (left: APIError, right: APIError) -> Bool {
    left.status == right.status && left.detail == right.detail
  }

  package func hash(into hasher: inout Hasher) {
    hasher.combine(status.code)
    hasher.combine(detail)
  }

  static func unavailable(_ detail: String, retryAfter seconds: Int = 1) -> APIError {
    APIError(.serviceUnavailable, detail, headers: ["Retry-After": String(seconds)])
  }

  static let preconditionFailed = APIError(
    .preconditionFailed, "The file's current version does not meet the request's conditions")

  static func noSuchNode(_ id: Substring) -> APIError {
    APIError(.notFound, "No storage node has the id '\(id)': `cairn nodes` lists those that there are")
  }

  func told(as form: ErrorForm) -> APIError {
    var error = self
    error.form = form
    return error
  }

  static let notFound = APIError(.notFound, "File not found")

  package init(_ error: InvalidName) {
    self.init(.badRequest, error.description)
  }

  package init(_ error: ObjectError) {
    switch error {
    case .noActiveNode: self = .unavailable("No storage nodes available", retryAfter: 5)
    case .tooFewNodes(let writable, let needed):
      self = .unavailable(
        "A write needs \(needed) replicas (MIN_REPLICAS), and \(writable) storage nodes take data now", retryAfter: 5)
    case .noSpace(let reason): self.init(.insufficientStorage, reason)
    case .unavailable(let reason): self = .unavailable(reason)
    case .outcomeUnknown(let cause): self.init(cause)
    case .overloaded: self = .unavailable("Too many uploads at once, try again later")
    case .tooLarge(let limit): self.init(.payloadTooLarge, "The file is larger than \(limit) bytes, the most allowed")
    case .body(let error): self.init(readingBody: error)
    case .noSuchUpload:
      self.init(.notFound, "There is no such upload, or no longer: begin it anew with POST /uploads")
    case .changedOnTheWay:
      self.init(.unprocessableEntity, "The bytes changed on the way: their SHA-256 is not the one that came with them")
    case .badDigest: self.init(.unprocessableEntity, "The bytes changed on the way: \(error)")
    case .conditionFailed: self.init(.conflict, "A file with this name exists already")
    case .corrupt(let reason): self.init(.internalServerError, "The file is damaged: \(reason)")
    case .failed(let reason): self.init(.internalServerError, reason)
    }
  }

  init(_ error: CatalogError) {
    switch error {
    case .unavailable: self = .unavailable("\(error)")
    case .full(let reason): self.init(.insufficientStorage, reason)
    case .damaged, .format, .failed: self.init(.internalServerError, "\(error)")
    }
  }

  /// - Parameter error: what reading the request's body threw.
  init(readingBody error: any Error) {
    switch error {
    case let error as APIError: self = error
    case let error as MultipartError: self.init(.badRequest, "The form is malformed: \(error)")
    case let error as HTTPBodyError where error.isTimeout: self.init(.requestTimeout, error.description)
    case let error as HTTPBodyError: self.init(.badRequest, error.description)
    case FieldError.tooLong(let limit):
      self.init(.payloadTooLarge, FieldError.tooLong(limit: limit).description)
    default: self.init(.badRequest, "The request's body can't be read: \(error)")
    }
  }
}

/// The keys under which an answer tells an error: families of clients read different ones.
enum ErrorForm: Hashable, Sendable {
  /// `{"detail": "…"}`
  case detail
  /// `{"message": "…"}`
  case message
  /// `{"errorCode": n, "data": "…", "detail": "…"}`
  case file(FileFailure)
}

extension HTTPResponse {
  /// `{"detail": "…"}`, as the native port's errors are, or what else its clients expect.
  package init(_ error: APIError) {
    self.init(
      error.status, headers: error.headers,
      json: { json in
        switch error.form {
        case .detail: json.member("detail", error.detail)
        case .message: json.member("message", error.detail)
        case .file(let failure):
          json.member("errorCode", failure.rawValue)
          json.member("data", failure.text)
          json.member("detail", error.detail)
        }
      })
  }

  /// An answer with a JSON object.
  package init(
    _ status: HTTPResponseStatus = .ok, headers: HTTPHeaders = [:], json: (inout JSONText) -> Void
  ) {
    var text = JSONText()
    text.object(json)
    self.init(status, headers: headers, body: .bytes(text.buffer))
    self.headers.replaceOrAdd(name: "Content-Type", value: "application/json")
  }
}
