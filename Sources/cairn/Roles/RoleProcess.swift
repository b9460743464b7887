import ArgumentParser
import CairnClient
import CairnHTTP
import Foundation
import Glibc
import Logging
import NIOCore
import NIOPosix

#if JEMALLOC
  // Linked for its `malloc`: what one thread allocates and another frees costs half of what it does in glibc.
  import CJemalloc
#endif

/// What every role gets from its process: event loops, threads for blocking work, a logger, the order to stop.
struct RoleProcess: Sendable {
  let role: String
  let group: MultiThreadedEventLoopGroup
  /// For blocking work: disk reads and hashing.
  let threads: NIOThreadPool
  let logger: Logger
  /// Of clients, on all ports together.
  let clientConnections: ConnectionLimit
  /// From other processes of the cluster.
  let peerConnections: ConnectionLimit
  private let signals: ProcessSignals

  /// Returns when SIGTERM or SIGINT has come, or when the task is cancelled.
  func stopped() async {
    await signals.stop()
  }

  /// Does work that may be cut off: the signal to stop ends the process at once. Whatever was done is of use, and doing
  /// it again is no error.
  func interruptible<Value>(_ body: () async throws -> Value) async rethrows -> Value {
    let interruption = Task {
      await stopped()
      if !Task.isCancelled { Glibc.exit(130) }
    }
    defer { interruption.cancel() }
    return try await body()
  }

  /// Runs a role from start to exit.
  ///
  /// - Parameter isService: it runs until it is told to stop, and so it outlives the terminal that started it.
  /// - Throws: `ExitCode.failure` when the role fails; the log says why.
  static func run(
    _ role: String, _ configuration: ProcessConfiguration, isService: Bool = true,
    _ body: (RoleProcess) async throws -> Void
  ) async throws {
    // What a process keeps is nobody else's on this machine: data, names and keys.
    umask(0o077)
    startLog(role, configuration.logLevel)
    // Writing to a socket that was closed is an error of that write, not the end of the process.
    signal(SIGPIPE, SIG_IGN)
    let descriptors = raiseDescriptorLimit()
    let processors = ProcessInfo.processInfo.activeProcessorCount
    let group = MultiThreadedEventLoopGroup(
      numberOfThreads: configuration.eventLoops > 0 ? configuration.eventLoops : processors)
    let threads = NIOThreadPool(numberOfThreads: max(4, processors))
    threads.start()
    let logger = Logger(label: role)
    let connectionsMax = Self.connectionsMax(configuration.limits.connectionsMax, descriptors: descriptors, logger)
    let process = RoleProcess(
      role: role, group: group, threads: threads, logger: logger,
      clientConnections: ConnectionLimit(max: connectionsMax), peerConnections: ConnectionLimit(max: connectionsMax),
      signals: ProcessSignals(ignoresHangUp: isService, logger))
    do {
      try await body(process)
    } catch let error as ClientError {
      // Of a command that prints a result, such as `cairn recover`.
      throw error
    } catch {
      process.logger.critical("stopped by an error", metadata: ["error": "\(error)"])
      throw ExitCode.failure
    }
    try? await threads.shutdownGracefully()
    try? await group.shutdownGracefully()
    process.logger.info("stopped")
  }

  private static func startLog(_ role: String, _ level: Logger.Level) {
    let format = LineLogHandler.Format.automatic()
    LineQueue.standardError.noticeDrops { count in
      LineLogHandler.line(
        .warning, role, "\(count) lines dropped: nobody read standard error fast enough", ["dropped": "\(count)"],
        as: format)
    }
    LoggingSystem.bootstrap { LineLogHandler(label: $0, format: format, level: level) }
    FatalSignals.report(role: role, version: Cairn.version, format: format)
    // Whatever ends the process in order, its last lines are written.
    atexit { LineQueue.standardError.flush() }
  }

  /// Every connection and every volume needs a descriptor: take as many as the system gives.
  ///
  /// - Returns: how many that are.
  private static func raiseDescriptorLimit() -> Int {
    let resource = __rlimit_resource_t(UInt32(RLIMIT_NOFILE.rawValue))
    var limit = rlimit()
    guard getrlimit(resource, &limit) == 0 else { return .max }
    limit.rlim_cur = limit.rlim_max
    setrlimit(resource, &limit)
    guard getrlimit(resource, &limit) == 0 else { return .max }
    return Int(clamping: limit.rlim_cur)
  }

  /// `MAX_CONNECTIONS`, or less where the descriptors do not suffice: a client too many is answered 503, but without a
  /// descriptor neither it nor a volume can be opened.
  private static func connectionsMax(_ configured: Int, descriptors: Int, _ logger: Logger) -> Int {
    let allowed = ConnectionLimit.connectionsMax(configured: configured, descriptors: descriptors)
    if allowed < configured {
      logger.warning(
        "MAX_CONNECTIONS is lowered to what the limit on open files allows; raise that (ulimit -n) to serve more clients",
        metadata: ["configured": "\(configured)", "allowed": "\(allowed)", "open files": "\(descriptors)"])
    }
    return allowed
  }
}
