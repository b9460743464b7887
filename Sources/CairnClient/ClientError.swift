/// Why a command could not do what it was asked: one line that says what to do next.
package enum ClientError: Error, Hashable, CustomStringConvertible {
  /// The server's detail, or that an id fits no node.
  case refused(String)
  case notFound(String)
  /// The server asks for an access key, and none was shown.
  case accessKeyNeeded
  /// The server can't do it now. After so many seconds it may.
  case busy(String, retryAfter: Int?)
  case unreachable(String)
  /// The connection broke in the middle.
  case broken(String)
  /// The bytes that arrived are not those that were sent.
  case mismatch(String)
  /// What is being read was replaced meanwhile.
  case changed(String)
  /// A file or folder of this machine.
  case local(String)
  /// Several failed; each of them was told already.
  case several(Int, exitCode: Int32)

  package var description: String {
    switch self {
    case .refused(let reason), .local(let reason), .changed(let reason): reason
    case .notFound(let name): "\(name) is not there: `cairn ls` lists the names that are"
    case .accessKeyNeeded: "The server asks for an access key: set CAIRN_TOKEN to the ID:SECRET of one"
    case .busy(let reason, _): "\(reason). Try again later"
    case .unreachable(let reason):
      "\(reason). Start a server or coordinator there, or name another one with --server or CAIRN_SERVER"
    case .broken(let reason): "\(reason). Run the same command again: it goes on where it can"
    case .mismatch(let what): "\(what): the checksum differs, nothing was kept. Try again; if it stays, run cairn scrub"
    case .several(let count, _): count == 1 ? "1 file failed, see above" : "\(count) files failed, see above"
    }
  }

  /// What the process ends with.
  package var exitCode: Int32 {
    switch self {
    case .refused, .accessKeyNeeded, .busy, .changed, .local: 1
    case .notFound: 3
    case .mismatch: 4
    case .unreachable, .broken: 5
    case .several(_, let exitCode): exitCode
    }
  }

  /// May go away by itself.
  package var isTransient: Bool {
    switch self {
    case .busy, .unreachable, .broken: true
    case .refused, .notFound, .accessKeyNeeded, .mismatch, .changed, .local, .several: false
    }
  }
}
