import ArgumentParser
import CairnClient
import Foundation

/// Which file a key–value command is about.
struct StateFile: ParsableArguments {
  @Argument(help: "The file; its key is the SHA-256 of its absolute path.")
  var file: String

  /// The key is made from it: the path as it was given, made absolute, with links as they are.
  var absolutePath: String { LocalPath.absolute(file) }
}

/// What was sent or received.
struct StateReport: Encodable {
  var key: String
  var path: String
  var size: Int
}

/// `cairn send` keeps a file as key–value state.
struct Send: ClientCommand {
  static let configuration = CommandConfiguration(
    abstract: "Keep a file as key–value state, under a key made from its absolute path.",
    discussion: """
      `cairn receive` of the same path gives it back, also on another machine. Text is kept as it is, anything else in \
      base64. What was kept is read back and compared.
      """)

  /// The value travels as one JSON text.
  private static let sizeMax = 8 << 20

  @OptionGroup var target: StateFile
  @OptionGroup var options: ClientOptions

  func run(_ session: ClientSession) async throws(ClientError) {
    let path = target.absolutePath
    let bytes = try LocalFile.contents(target.file, lengthMax: Self.sizeMax)
    let stored = StateText.stored(path: path, bytes)
    try await session.client.store(stored)
    guard let kept = try await session.client.retrieve(stored.key), try StateText.bytes(kept) == bytes else {
      throw .mismatch(BlobClient.quoted(target.file))
    }
    if session.json { return try StandardOutput.json(StateReport(key: stored.key, path: path, size: bytes.count)) }
    try StandardOutput.line("\(stored.key)  \(Amounts.bytes(UInt64(bytes.count)))  kept and verified")
  }
}

/// `cairn receive` writes a file that was sent.
struct Receive: ClientCommand {
  static let configuration = CommandConfiguration(
    abstract: "Write the file that was sent from this path.")

  @OptionGroup var target: StateFile
  @Option(name: .shortAndLong, help: "Write to this file, pipe or device instead; - for standard output.")
  var output: String?
  @OptionGroup var options: ClientOptions

  func run(_ session: ClientSession) async throws(ClientError) {
    let key = StateText.key(path: target.absolutePath)
    guard let text = try await session.client.retrieve(key) else {
      throw .notFound("nothing was sent from '\(BlobClient.quoted(target.absolutePath))': use `cairn send` first")
    }
    let bytes = try StateText.bytes(text)
    let path = output ?? target.absolutePath
    if OutputTarget.isStandardOutput(path) { return try OutputDescriptor.standardOutput.write(bytes) }
    try OutputTarget.find(path).write(bytes, files: session.files)
    if session.json { return try StandardOutput.json(StateReport(key: key, path: path, size: bytes.count)) }
    try StandardOutput.line("\(BlobClient.quoted(path))  \(Amounts.bytes(UInt64(bytes.count)))  received")
  }
}
