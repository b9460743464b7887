internal import CairnHTTP
internal import CairnModel
internal import NIOHTTP1

/// An answer that is an error, with the reason that coordinators act on.
struct Refusal: Error {
  let reason: NodeRefusal
  let detail: String

  init(_ reason: NodeRefusal, _ detail: String) {
    self.reason = reason
    self.detail = detail
  }

  var response: HTTPResponse {
    var json = JSONText()
    json.object { $0.member("detail", detail) }
    return HTTPResponse(
      status, headers: ["Content-Type": "application/json", NodeProtocol.refusalHeader: reason.rawValue],
      body: .bytes(json.buffer))
  }

  private var status: HTTPResponseStatus {
    switch reason {
    case .volumeClosed: .conflict
    case .volumeUnknown, .blobUnknown: .notFound
    case .readOnly: .insufficientStorage
    case .wrongNode: .misdirectedRequest
    case .unauthorized: .forbidden
    case .malformed: .badRequest
    case .corrupt, .otherRecord, .failed: .internalServerError
    }
  }
}
