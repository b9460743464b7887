internal import NIOCore
internal import NIOPosix

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

extension NIOConnectionError {
  /// Why there is no connection, as people read it: what the system said of the first address that was tried, as
  /// `Connection refused`.
  var reason: String {
    guard let failure = connectionErrors.first?.error else {
      return (dnsAError ?? dnsAAAAError).map { "its name is not known (\($0))" } ?? "it has no address"
    }
    guard let error = failure as? IOError else { return "\(failure)" }
    return String(cString: strerror(error.errnoCode))
  }
}
