internal import NIOCore

/// What the other side of a connection has taken of the bytes that were sent: its system, whether its process has read
/// them or not.
///
/// Only Linux tells. Elsewhere a request that moves slowly looks like one that doesn't move.
enum SentBytes {
  #if os(Linux)
    /// As much of the kernel's `tcp_info` as is needed: words of 8 bytes.
    private struct TCPInfo {
      var head: (UInt64, UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0, 0)
      var middle: (UInt64, UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0, 0)
      var tail: (UInt64, UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0, 0)
      /// `tcpi_bytes_acked`, behind 120 bytes. 0 before Linux 4.1.
      var acknowledged: UInt64 = 0
    }
  #endif

  /// Tells `body` how many bytes of `channel` were acknowledged since it was opened; nil where nothing knows.
  static func count(of channel: any Channel, _ body: @escaping @Sendable (UInt64?) -> Void) {
    #if os(Linux)
      guard let socket = channel as? any SocketOptionProvider else { return body(nil) }
      let info: EventLoopFuture<TCPInfo> = socket.unsafeGetSocketOption(level: .tcp, name: .tcp_info)
      info.map(\.acknowledged).whenComplete { body(try? $0.get()) }
    #else
      body(nil)
    #endif
  }
}
