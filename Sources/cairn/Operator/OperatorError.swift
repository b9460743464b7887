/// Why an operator's command could not do what it was asked.
enum OperatorError: Error, Hashable, CustomStringConvertible {
  /// The server's detail, or that an id fits no node: one line that says what to do next.
  case refused(String)
  case unreachable(String)

  var description: String {
    switch self {
    case .refused(let reason): reason
    case .unreachable(let reason):
      "\(reason). Start a server or coordinator there, or name another one with --server or CAIRN_SERVER"
    }
  }

  /// What the process ends with.
  var exitCode: Int32 {
    switch self {
    case .refused: 1
    case .unreachable: 2
    }
  }
}
