import ArgumentParser
import CairnClient

/// `cairn ls` lists names.
struct List: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "ls", abstract: "List the names that start with a prefix, in bytewise order.",
    discussion: "Characters that would move a cursor are shown as \\u{…}; --json has names as they are.")

  @Argument(help: "What the names start with; all where it is missing.")
  var prefix = ""
  @Flag(name: .short, help: "Sizes, times and MD5 sums as well.")
  var long = false
  @Flag(name: .shortAndLong, help: "What follows the next slash is left out, as a folder's contents.")
  var folders = false
  @OptionGroup var options: ClientOptions

  func run(_ session: ClientSession) async throws(ClientError) {
    var all = ListedPage.empty
    var startAfter: String?
    repeat {
      let page = try await session.client.list(
        prefix: prefix, delimiter: folders ? "/" : nil, startAfter: startAfter)
      startAfter = page.nextStartAfter
      // Without columns to align, each page is printed as it comes.
      if long || session.json {
        all.blobs += page.blobs
        all.prefixes += page.prefixes
      } else {
        for name in (page.prefixes + page.blobs.map(\.name)).sorted() { print(BlobClient.quoted(name)) }
      }
    } while startAfter != nil
    if session.json { return try printJSON(all) }
    if long, !all.blobs.isEmpty || !all.prefixes.isEmpty { print(table(all)) }
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
