package import CairnModel

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
  /// The bytes that were written to something that can't be taken back are not those of the server.
  case unverified(String)
  /// The reader of standard output has closed it.
  case outputClosed
  /// What is being read was replaced meanwhile.
  case changed(String)
  /// A file or folder of this machine.
  case local(String)
  /// The command line says nothing that can be done.
  case usage(String)
  /// Several failed; each of them was told already.
  case several(Int, exitCode: Int32)

  package var description: String {
    switch self {
    case .refused(let reason), .notFound(let reason), .local(let reason), .changed(let reason),
      .usage(let reason):
      reason
    case .accessKeyNeeded: "The server requires an access key: set CAIRN_TOKEN to ID:SECRET"
    case .busy(let reason, _): "\(reason). Try again later"
    case .unreachable(let reason):
      "\(reason). Start a server or coordinator there, or name another one with --server or CAIRN_SERVER"
    case .broken(let reason): "\(reason). Run the same command again: it resumes where it can"
    case .mismatch(let what):
      "\(what): the checksum differs, and nothing was kept. Try again; if it happens again, run `cairn scrub`"
    case .unverified(let what):
      "\(what): the checksum of the bytes that were written differs: don't use them. Try again; if it happens again, run `cairn scrub`"
    case .outputClosed: "standard output was closed by its reader"
    case .several(let count, _): count == 1 ? "1 file failed: see above" : "\(count) files failed: see above"
    }
  }

  /// There is nothing of this name on the server.
  package static func noSuchBlob(_ name: ByteText) -> ClientError {
    .notFound("no such blob: '\(BlobClient.quoted(name))'")
  }

  /// No name on the server starts with this one.
  package static func noBlobs(below folder: ByteText) -> ClientError {
    .notFound("no blobs below '\(BlobClient.quoted(folder))'")
  }

  /// What the process ends with.
  package var exitCode: Int32 {
    switch self {
    case .refused, .accessKeyNeeded, .busy, .changed, .local: 1
    case .notFound: 3
    case .mismatch, .unverified: 4
    case .unreachable, .broken: 5
    case .outputClosed: 128 + 13  // as of a process that SIGPIPE ended
    case .usage: 64  // EX_USAGE, as of other mistakes on the command line
    case .several(_, let exitCode): exitCode
    }
  }

  /// Nothing is left to say: it was said when it happened, or nobody wants to know.
  package var isSilent: Bool {
    switch self {
    case .several(1, _), .outputClosed: true
    default: false
    }
  }

  /// May go away by itself.
  package var isTransient: Bool {
    switch self {
    case .busy, .unreachable, .broken: true
    case .refused, .notFound, .accessKeyNeeded, .mismatch, .unverified, .outputClosed, .changed, .local, .usage,
      .several:
      false
    }
  }
}
