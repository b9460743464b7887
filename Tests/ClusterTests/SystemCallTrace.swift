import CairnTestSupport
import Foundation
import Testing

/// What a process asked of the kernel, as `strace` saw it.
enum SystemCallTrace {
  struct Call: Sendable, CustomStringConvertible {
    let name: String
    /// The call with its arguments; files have their paths.
    let text: String
    /// What it returned.
    let result: String

    var isSync: Bool { name == "fdatasync" || name == "fsync" }
    var isWrite: Bool { ["write", "writev", "pwrite64", "pwritev", "pwritev2", "sendto", "sendmsg"].contains(name) }
    var description: String { "\(text) = \(result)\n" }
  }

  /// Whether `strace` is there and may attach to processes.
  static let isPossible: Bool = {
    let probe = Process()
    probe.executableURL = URL(fileURLWithPath: "/bin/sh")
    probe.arguments = [
      "-c",
      "sleep 9 & p=$!; strace -o /dev/null -p $p & s=$!; sleep 0.5; kill -0 $s; r=$?; kill $p; wait $s; exit $r",
    ]
    probe.standardError = FileHandle.nullDevice
    probe.standardOutput = FileHandle.nullDevice
    guard (try? probe.run()) != nil else { return false }
    probe.waitUntilExit()
    return probe.terminationStatus == 0
  }()

  /// The writes and syncs of a process during `body`, in the order in which they ended.
  ///
  /// - Parameter milliseconds: how much longer each sync takes, as on a slow disk.
  static func of(
    _ server: CairnProcess, slowingSyncsBy milliseconds: Int = 0, during body: () async throws -> Void
  ) async throws -> [Call] {
    let folder = try TemporaryFolder("trace")
    let calls = "trace=fdatasync,fsync,write,writev,pwrite64,pwritev,pwritev2,sendto,sendmsg"
    let delay = milliseconds > 0 ? ["-e", "inject=fdatasync:delay_exit=\(milliseconds * 1000)"] : []
    let tracer = try GuardedProcess(
      "strace",
      ["-f", "-y", "-s", "64", "-e", calls] + delay + ["-o", folder.path + "/calls", "-p", "\(server.pid)"],
      output: folder.path + "/messages", directory: folder.path)
    try await eventually("strace has attached") {
      let messages = FileManager.default.contents(atPath: folder.path + "/messages") ?? Data()
      return String(decoding: messages, as: UTF8.self).contains("attached")
    }
    try await body()
    tracer.signal(SIGINT)
    try await tracer.waitUntilEnded()
    let lines = try String(contentsOfFile: folder.path + "/calls", encoding: .utf8).split(separator: "\n")
    // A call during which another thread did something comes in two lines.
    var unfinished: [Substring: String] = [:]
    var ended: [Call] = []
    for line in lines {
      let thread = line.prefix { $0 != " " }
      var text = String(line.dropFirst(thread.count).drop { $0 == " " })
      if text.hasSuffix("<unfinished ...>") {
        unfinished[thread] = String(text.dropLast("<unfinished ...>".count))
        continue
      }
      if text.hasPrefix("<... "), let start = unfinished.removeValue(forKey: thread),
        let end = text.range(of: "resumed>")
      {
        text = start + text[end.upperBound...]
      }
      guard let parenthesis = text.firstIndex(of: "("), let equals = text.range(of: " = ", options: .backwards) else {
        continue
      }
      ended.append(
        Call(
          name: String(text[..<parenthesis]), text: String(text[..<equals.lowerBound]),
          result: String(text[equals.upperBound...])))
    }
    return ended
  }
}
