import ArgumentParser
import CairnClient
import CairnModel

/// `cairn ls` lists names.
struct List: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "ls", abstract: "List the names that start with a prefix, in bytewise order.",
    discussion: """
      A terminal and -l show characters that would move the cursor or break a line as \\u{…}. Everywhere else names are \
      printed as they are: a newline in a name then looks like the end of one, so scripts use --null or --json.
      """)

  @Argument(help: "What the names start with; all where it is missing.")
  var prefix: ByteText = ""
  @Flag(name: .short, help: "Sizes, times and MD5 sums as well.")
  var long = false
  @Flag(name: .shortAndLong, help: "What follows the next slash is left out, as a folder's contents.")
  var folders = false
  @Flag(name: [.customShort("0"), .long], help: "A NUL byte follows each name instead of a newline, for `xargs -0`.")
  var null = false
  @OptionGroup var options: ClientOptions

  func validate() throws {
    guard !null || !long, !null || !options.json else {
      throw ValidationError("--null can't be used with -l or --json")
    }
  }

  func run(_ session: ClientSession) async throws(ClientError) {
    var all = ListedPage.empty
    var startAfter: ByteText?
    repeat {
      let page = try await session.client.list(
        prefix: prefix, delimiter: folders ? "/" : nil, startAfter: startAfter)
      startAfter = page.nextStartAfter
      // Without columns to align, each page is printed as it comes.
      if long || session.json {
        all.blobs += page.blobs
        all.prefixes += page.prefixes
      } else {
        try StandardOutput.write((page.prefixes + page.blobs.map(\.name)).sorted().map(shown).joined())
      }
    } while startAfter != nil
    if session.json { return try StandardOutput.json(all) }
    if long, !all.blobs.isEmpty || !all.prefixes.isEmpty { try StandardOutput.line(table(all)) }
  }

  /// A name with what follows it.
  private func shown(_ name: ByteText) -> String {
    if null { return name.string + "\0" }
    return (StandardOutput.isTerminal ? BlobClient.quoted(name) : name.string) + "\n"
  }

  private func table(_ page: ListedPage) -> String {
    var columns = Columns(["SIZE": .right, "MODIFIED": .left, "MD5": .left, "NAME": .left])
    for prefix in page.prefixes { columns.add(["", "", "", BlobClient.quoted(prefix)]) }
    for file in page.blobs {
      columns.add(["\(file.size)", file.lastModified, file.remote.checksums.md5 ?? "-", BlobClient.quoted(file.name)])
    }
    return columns.text
  }
}
