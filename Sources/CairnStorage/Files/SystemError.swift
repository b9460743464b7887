internal import Glibc

/// A system call that failed.
package struct SystemError: Error, Hashable, CustomStringConvertible {
  package let call: String
  /// `errno`.
  package let code: Int32

  package init(call: String, code: Int32) {
    self.call = call
    self.code = code
  }

  /// The disk, or the quota of the user, is used up.
  package var isOutOfSpace: Bool { code == ENOSPC || code == EDQUOT }

  package var description: String { "\(call) failed: \(String(cString: strerror(code))) (errno \(code))" }

  /// The result of `body`, called again where a signal interrupted it.
  static func check<Result: SignedInteger>(_ call: String, _ body: () -> Result) throws(SystemError) -> Result {
    while true {
      let result = body()
      if result >= 0 { return result }
      let code = errno
      guard code == EINTR else { throw SystemError(call: call, code: code) }
    }
  }
}
