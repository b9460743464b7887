import Glibc

/// The environment of the tests.
package enum Environment {
  /// The value of a variable, nil where it isn't set.
  package static func variable(_ name: String) -> String? {
    getenv(name).map { String(cString: $0) }
  }
}
