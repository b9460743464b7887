internal import CairnHTTP
internal import NIOHTTP1

/// What a client may ask of a path with one method, and what it can get.
struct Operation: Sendable {
  /// A part of a request besides its body.
  struct Parameter: Sendable {
    enum Place: String, Sendable {
      case query, header, path
    }

    let place: Place
    let name: String
    let schema: Schema
    var isRequired = false
    let summary: String
  }

  /// A body of a request or an answer.
  struct Content: Sendable {
    let type: String
    let schema: Schema
    /// Of a form, the type of each part that is not plain text.
    var partTypes: [String: String] = [:]
  }

  struct Answer: Sendable {
    let status: HTTPResponseStatus
    let summary: String
    var headers: [Header] = []
    var content: [Content] = []
    var links: [Link] = []
  }

  /// A request that can follow, with something that the answer tells.
  struct Link: Sendable {
    /// Of the operation.
    let id: String
    let parameter: String
    /// A JSON pointer into the answer's body.
    let pointer: String
  }

  struct Header: Sendable {
    let name: String
    let schema: Schema
    var isRequired = true
  }

  /// What its errors look like.
  enum Errors {
    case detail, message, file
    /// As the fields of its form say.
    case detailOrMessage
  }

  /// Whom it asks for an access key.
  enum Access {
    case nobody
    /// Everybody, with `AUTH=required`.
    case asConfigured
    case everybody
  }

  let method: HTTPMethod
  let id: String
  let summary: String
  let parameters: [Parameter]
  /// The kinds of bodies that it takes; none where it reads no body.
  let bodies: [Content]
  /// False where no body is one of no bytes.
  let needsBody: Bool
  let answers: [Answer]
  let access: Access

  /// - Parameters:
  ///   - id: unique among all.
  ///   - failures: statuses of errors besides those that every request can get.
  init(
    _ method: HTTPMethod, _ id: String, _ summary: String, parameters: [Parameter] = [], bodies: [Content] = [],
    needsBody: Bool = true, answers: [Answer], failures: [HTTPResponseStatus] = [], errors: Errors = .detail,
    access: Access = .asConfigured
  ) {
    self.method = method
    self.id = id
    self.summary = summary
    self.parameters = parameters
    self.bodies = bodies
    self.needsBody = needsBody
    self.access = access
    let failures = Self.commonFailures + (access == .nobody ? [] : Self.accessFailures) + failures
    self.answers =
      answers + failures.sorted { $0.code < $1.code }.map { Answer(failure: $0, errors) }
  }

  /// The `HEAD` that goes with a `GET`.
  private init(headOf other: Operation) {
    method = .HEAD
    id = other.id + "Head"
    summary = "The same without a body."
    parameters = other.parameters
    bodies = []
    needsBody = false
    access = other.access
    answers = other.answers.map { Answer(status: $0.status, summary: $0.summary, headers: $0.headers) }
  }

  /// It, and where it is a `GET` the `HEAD` that goes with it.
  var withHead: [Operation] { method == .GET ? [self, Operation(headOf: self)] : [self] }

  /// What is wrong with the request itself, and what is wrong with the server.
  private static let commonFailures: [HTTPResponseStatus] = [
    .badRequest, .requestTimeout, .requestHeaderFieldsTooLarge, .internalServerError, .notImplemented,
    .serviceUnavailable,
  ]

  /// What is wrong with the caller.
  private static let accessFailures: [HTTPResponseStatus] = [.unauthorized, .forbidden, .misdirectedRequest]
}

extension Operation.Content {
  static func json(_ schema: Schema) -> Self { .init(type: "application/json", schema: schema) }

  static let bytes = Self(type: "application/octet-stream", schema: .bytes)
}

extension Operation.Answer {
  static func json(_ summary: String, _ schema: Schema, links: [Operation.Link] = []) -> Self {
    json(.ok, summary, schema, links: links)
  }

  static func json(
    _ status: HTTPResponseStatus, _ summary: String, headers: [Operation.Header] = [], _ schema: Schema,
    links: [Operation.Link] = []
  ) -> Self {
    .init(status: status, summary: summary, headers: headers, content: [.json(schema)], links: links)
  }

  fileprivate init(failure status: HTTPResponseStatus, _ errors: Operation.Errors) {
    self.status = status
    summary = Self.summary(of: status)
    let schema: Schema =
      switch errors {
      case .detail: .named(.error)
      // What is no HTTP is refused before it is known where it goes.
      case .message, .detailOrMessage: .any([.named(.message), .named(.error)])
      case .file: .any([.named(.fileError), .named(.error)])
      }
    content = [.json(schema)]
    switch status {
    case .unauthorized: headers = [.init(name: "WWW-Authenticate", schema: .plainText)]
    case .serviceUnavailable:
      headers = [.init(name: "Retry-After", schema: .integer(1...3600), isRequired: false)]
    case .rangeNotSatisfiable: headers = [.init(name: "Content-Range", schema: .text(pattern: "^bytes \\*/[0-9]+$"))]
    default: break
    }
  }

  private static func summary(of status: HTTPResponseStatus) -> String {
    switch status {
    case .badRequest: "The request is malformed, or something in it is not allowed."
    case .unauthorized: "It needs an access key, or the one that was shown is not good."
    case .forbidden:
      "The access key may not do this, its signature is not the request's, or a web page of another server sends the "
        + "request without a key."
    case .misdirectedRequest: "Without a key, this server does not answer to the name in Host."
    case .requestTimeout: "The request did not arrive in time."
    case .requestHeaderFieldsTooLarge: "The request has too many headers, or too long ones."
    case .internalServerError: "Something failed that should not; the log tells more."
    case .notImplemented: "The request has another Transfer-Encoding than chunked."
    case .serviceUnavailable: "The catalog or the nodes that are needed don't answer, or are too busy."
    case .notFound: "There is nothing of this name."
    case .conflict: "What is there now does not allow it."
    case .preconditionFailed: "The current version does not meet the request's conditions."
    case .payloadTooLarge: "The body is larger than the server allows."
    case .rangeNotSatisfiable: "No range lies within the file."
    case .unprocessableEntity: "The bytes are not what was announced or asked for."
    case .insufficientStorage: "No node has room for it."
    default: status.reasonPhrase
    }
  }
}

extension JSONText {
  /// - Parameters:
  ///   - parameters: those of its path.
  ///   - family: the heading under which it is shown.
  mutating func operation(_ operation: Operation, path parameters: [Operation.Parameter], family: String) {
    object { json in
      json.member("tags", [family])
      json.member("operationId", operation.id)
      json.member("summary", operation.summary)
      json.security(operation.access)
      json.key("parameters")
      json.array(parameters + operation.parameters) { $0.parameter($1) }
      if !operation.bodies.isEmpty {
        json.key("requestBody")
        json.object { json in
          json.member("required", operation.needsBody)
          json.content(operation.bodies)
        }
      }
      json.key("responses")
      json.object { json in
        for answer in operation.answers {
          json.key(dynamic: String(answer.status.code))
          json.answer(answer)
        }
      }
    }
  }

  /// Differs from what the description says of all operations.
  private mutating func security(_ access: Operation.Access) {
    switch access {
    case .asConfigured: return
    case .nobody: member("security", [String]())
    case .everybody:
      key("security")
      array([NativeAPI.bearer]) { json, scheme in json.object { $0.member(scheme, [String]()) } }
    }
  }

  private mutating func parameter(_ parameter: Operation.Parameter) {
    object { json in
      json.member("name", parameter.name)
      json.member("in", parameter.place.rawValue)
      json.member("required", parameter.isRequired)
      json.member("description", parameter.summary)
      json.key("schema")
      json.schema(parameter.schema)
    }
  }

  private mutating func answer(_ answer: Operation.Answer) {
    object { json in
      json.member("description", answer.summary)
      json.key("headers")
      json.object { json in
        json.header(.init(name: "X-Request-Id", schema: .plainText))
        for header in answer.headers { json.header(header) }
      }
      if !answer.content.isEmpty { json.content(answer.content) }
      guard !answer.links.isEmpty else { return }
      json.key("links")
      json.object { json in
        for link in answer.links { json.link(link) }
      }
    }
  }

  private mutating func link(_ link: Operation.Link) {
    key(dynamic: link.id)
    object { json in
      json.member("operationId", link.id)
      json.key("parameters")
      json.object { $0.member(dynamic: link.parameter, "$response.body#\(link.pointer)") }
    }
  }

  private mutating func header(_ header: Operation.Header) {
    key(dynamic: header.name)
    object { json in
      json.member("required", header.isRequired)
      json.key("schema")
      json.schema(header.schema)
    }
  }

  private mutating func content(_ contents: [Operation.Content]) {
    key("content")
    object { json in
      for content in contents {
        json.key(dynamic: content.type)
        json.object { json in
          json.key("schema")
          json.schema(content.schema)
          guard !content.partTypes.isEmpty else { return }
          json.key("encoding")
          json.object { json in
            for (name, type) in content.partTypes.sorted(by: { $0.key < $1.key }) {
              json.key(dynamic: name)
              json.object { $0.member("contentType", type) }
            }
          }
        }
      }
    }
  }
}
