internal import NIOCore
internal import NIOPosix

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// The cause of a connection's end in the words that an operator knows.
func describe(connectionError error: any Error) -> String {
  switch error {
  case let error as NIOConnectionError:
    if let cause = error.connectionErrors.first?.error { return describe(connectionError: cause) }
    if let cause = error.dnsAError ?? error.dnsAAAAError { return describe(connectionError: cause) }
    return "the name \(error.host) has no address"
  case let error as IOError:
    return String(cString: strerror(error.errnoCode))
  case SocketAddressError.unknown(let host, _):
    return "the name \(host) can't be resolved"
  case ChannelError.connectTimeout(let time):
    return "no connection within \(time.seconds) s"
  default:
    return String(describing: error)
  }
}
