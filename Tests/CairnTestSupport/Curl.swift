package import Foundation

/// The real `curl`, against a port of 127.0.0.1.
package struct Curl: Sendable {
  package struct Answer: Sendable {
    /// 0 where none came.
    package let status: Int
    /// Of the last answer, names in lower case.
    package let headers: [String: String]
    package let body: Data
    /// curl's own: 0 where the whole answer came.
    package let exitCode: Int32
    /// Whether "100 Continue" came first.
    package let wasToldToContinue: Bool

    package var text: String { String(decoding: body, as: UTF8.self) }

    /// The body as a JSON object; empty where it is none.
    package var json: [String: Any] { (try? JSONSerialization.jsonObject(with: body)) as? [String: Any] ?? [:] }
  }

  package let port: Int
  private let folder: TemporaryFolder
  private let timeoutSeconds: Int
  private let server: (any Sendable)?

  /// - Parameter server: what listens there, kept alive for as long.
  package init(port: Int, of server: (any Sendable)? = nil, timeoutSeconds: Int = 120) throws {
    self.port = port
    self.server = server
    self.timeoutSeconds = timeoutSeconds
    folder = try TemporaryFolder("curl")
  }

  /// Requests `path`, which must be percent-encoded where it needs to be.
  ///
  /// - Parameters:
  ///   - arguments: of curl, before the address.
  ///   - directory: where curl runs, for `-O`; the answer's body is then not read.
  package func callAsFunction(
    _ path: String, _ arguments: String..., savingIn directory: String? = nil
  ) async throws -> Answer {
    try await run(path, arguments, savingIn: directory)
  }

  package func run(
    _ path: String, _ arguments: [String], savingIn directory: String? = nil
  ) async throws -> Answer {
    let files = "\(folder.path)/\(UInt64.random(in: .min ... .max))"
    let (head, body) = (files + ".head", files + ".body")
    defer {
      unlink(head)
      unlink(body)
    }
    let target = directory.map { ["--output-dir", $0] } ?? ["--output", body]
    let all =
      ["--silent", "--globoff", "--path-as-is", "--noproxy", "*", "--max-time", "\(timeoutSeconds)", "-D", head]
      + target
      + arguments + ["http://127.0.0.1:\(port)\(path)"]
    let exitCode = try await ShortProcess.run("curl", all).exitCode
    let blocks = String(decoding: FileManager.default.contents(atPath: head) ?? Data(), as: UTF8.self)
      .components(separatedBy: "\r\n\r\n").filter { !$0.isEmpty }
    let lines = blocks.last?.components(separatedBy: "\r\n") ?? []
    let words = lines.first?.split(separator: " ") ?? []
    var headers: [String: String] = [:]
    for line in lines.dropFirst() {
      guard let colon = line.firstIndex(of: ":") else { continue }
      headers[line[..<colon].lowercased()] = String(line[line.index(after: colon)...].drop { $0 == " " })
    }
    return Answer(
      status: words.count > 1 ? Int(words[1]) ?? 0 : 0, headers: headers,
      body: FileManager.default.contents(atPath: body) ?? Data(), exitCode: exitCode,
      wasToldToContinue: blocks.count > 1 && blocks[0].contains(" 100 "))
  }
}

extension String {
  /// Percent-encoded whole, as one part of a path or a value in a query.
  package var percentEncoded: String {
    utf8.map { byte in
      let isPlain =
        byte < 0x80 && (Character(Unicode.Scalar(byte)).isLetter || Character(Unicode.Scalar(byte)).isNumber)
      return isPlain ? String(Unicode.Scalar(byte)) : "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
    }.joined()
  }
}
