import ArgumentParser
import CairnClient
import CairnModel
import Foundation

extension Cairn {
  /// The process, from its arguments to its exit code.
  static func main() async {
    openStandardDescriptors()
    // A closed pipe is an error of the write that notices it.
    signal(SIGPIPE, SIG_IGN)
    do {
      try refuseForeignArguments()
      try await execute()
    } catch {
      Foundation.exit(report(error))
    }
  }

  @concurrent
  private static func execute() async throws {
    var command = try parseAsRoot()
    if var command = command as? any AsyncParsableCommand {
      try await command.run()
    } else {
      try command.run()
    }
  }

  /// Says what went wrong; help and versions, which are asked for, go to standard output.
  ///
  /// - Returns: the exit code.
  private static func report(_ error: any Error) -> Int32 {
    do throws(ClientError) {
      if let error = error as? ClientError { throw error }
      let (text, code) = (fullMessage(for: error), exitCode(for: error))
      if code.isSuccess, !text.isEmpty {
        try StandardOutput.line(text)
      } else if !text.isEmpty {
        try? FileHandle.standardError.write(contentsOf: Data((text + "\n").utf8))
      }
      return code.rawValue
    } catch {
      if !error.isSilent { try? FileHandle.standardError.write(contentsOf: Data("cairn: \(error)\n".utf8)) }
      return error.exitCode
    }
  }

  /// Swift replaces what is not UTF-8 in an argument, which then is another name than the one that was given.
  private static func refuseForeignArguments() throws(ClientError) {
    for case let argument? in UnsafeBufferPointer(start: CommandLine.unsafeArgv, count: Int(CommandLine.argc)) {
      let bytes = UnsafeBufferPointer(start: argument, count: strlen(argument)).map(UInt8.init(bitPattern:))
      guard ByteText(utf8: bytes) == nil else { continue }
      throw .usage(
        "The argument '\(FileTree.escaped(bytes))' is not UTF-8, and names on the server are: rename the file")
    }
  }

  /// A file that takes the number of a closed standard descriptor would get what is meant for that one.
  private static func openStandardDescriptors() {
    for (number, mode) in [(STDIN_FILENO, O_WRONLY), (STDOUT_FILENO, O_RDONLY), (STDERR_FILENO, O_WRONLY)]
    where fcntl(number, F_GETFD) < 0 {
      // Reading or writing it the way it is meant still fails, except that messages go nowhere.
      _ = open("/dev/null", mode)
    }
  }
}
