internal import Glibc

/// How many bytes a pipe holds: few, so that a test fills it soon.
///
/// - Returns: whether the system took it.
package func setPipeCapacity(_ descriptor: Int32, _ bytes: Int32) -> Bool {
  // F_SETPIPE_SZ, which Swift's Glibc doesn't have.
  fcntl(descriptor, 1031, bytes) >= bytes
}
