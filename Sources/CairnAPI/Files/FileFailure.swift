internal import NIOHTTP1

/// The errors of `/file`, by their codes.
enum FileFailure: Int, Hashable, Sendable {
  case serversUnavailable = 1
  case absent = 2
  case nameTaken = 3
  case fileUnavailable = 4
  case other = 5

  /// Which of them an error is.
  init(_ error: APIError) {
    switch error.status {
    case .serviceUnavailable, .insufficientStorage: self = .serversUnavailable
    case .notFound: self = .absent
    case .conflict: self = .nameTaken
    default: self = .other
    }
  }

  var text: String {
    switch self {
    case .serversUnavailable: "Servers unavailable"
    case .absent: "File does not exist"
    case .nameTaken: "File name already exists"
    case .fileUnavailable: "File unavailable"
    case .other: "Internal error"
    }
  }

  /// `error` as the clients of `/file` read it.
  func telling(_ error: APIError) -> APIError {
    var error = error.told(as: .file(self))
    switch self {
    case .serversUnavailable, .fileUnavailable: error.status = .serviceUnavailable
    case .absent, .nameTaken: error.status = .badRequest
    case .other: break
    }
    return error
  }
}
