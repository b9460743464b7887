import ArgumentParser
import CairnClient
import CairnModel

/// `cairn sync` makes a folder and the names below a prefix the same.
struct Sync: ClientCommand {
  static let configuration = CommandConfiguration(
    abstract: "Make the names below a prefix the same as a folder's files, or with --down the other way round.",
    discussion: """
      Only what differs is transferred: files of the same size are compared by their MD5 sums.
        cairn sync photos backup/photos         the folder's files go up
        cairn sync --down photos backup/photos  they come back
      --delete deletes what the other side doesn't have, but nothing while anything could not be read.
      --down writes below the folder only, and through no symbolic link. Names that can't be paths there, such as those \
      with '..', are reported; the others are written, and the command ends with 1.
      """)

  @Argument(help: "The folder.")
  var dir: String
  @Argument(help: "The prefix, as a folder of names; '' for all names.")
  var prefix: ByteText
  @Flag(help: "From the server to the folder.")
  var down = false
  @Flag(help: "Delete what only the other side has.")
  var delete = false
  @Flag(name: .shortAndLong, help: "Only show what would be done.")
  var dryRun = false
  @Flag(help: "Take along what symbolic links point to.")
  var followLinks = false
  @OptionGroup var transfer: TransferOptions
  @OptionGroup var options: ClientOptions

  var transferOptions: TransferOptions? { transfer }

  func run(_ session: ClientSession) async throws(ClientError) {
    let (work, problems) = try await look(session)
    let plan = try await work.plan(jobs: transfer.jobs)
    let deletes = delete && !problems.contains(where: \.isError)
    if dryRun { return try tell(plan, work, problems, deletes: deletes, session) }
    var items = work.transfers(plan)
    if deletes { items += work.deletions(plan) }
    let report = await Transfers(session: session, options: transfer).run(items, problems: problems)
    if delete, !deletes {
      session.terminal.say("cairn: nothing was deleted, because not everything could be read: see above")
    }
    if session.json {
      try StandardOutput.json(report)
    } else {
      let lines = report.files.map { "\($0.action)  \(BlobClient.quoted($0.name))" }
      try StandardOutput.line(
        (lines + ["\(report.summary); \(work.sameCount(plan)) were the same"]).joined(separator: "\n"))
    }
    try report.check()
  }

  /// What there is on both sides, without what can't be synchronized.
  private func look(_ session: ClientSession) async throws(ClientError) -> (SyncWork, [FileTree.Problem]) {
    let folder = NameMapping.folder(prefix)
    let exists = UploadTargets.kind(dir)
    guard exists == .folder || (down && exists == .absent) else {
      throw .local("\(BlobClient.quoted(dir)) is not a folder: give one that exists")
    }
    let tree = exists == .folder ? FileTree(dir, followsLinks: followLinks) : nil
    var problems = tree?.problems ?? []
    var remote: [ByteText: RemoteFile] = [:]
    for file in try await session.client.all(prefix: folder) {
      remote[file.name.dropping(folder) ?? file.name] = file.remote
    }
    if down { problems += Self.takeOutUnwritable(&remote) }
    let local = Dictionary((tree?.files ?? []).map { ($0.relativePath, $0) }) { first, _ in first }
    let work = SyncWork(
      session: session, folder: DownloadFolder(dir), prefix: folder, local: local, remote: remote, isDown: down)
    return (work, problems)
  }

  /// Takes out the names that are no paths below a folder.
  private static func takeOutUnwritable(_ remote: inout [ByteText: RemoteFile]) -> [FileTree.Problem] {
    let names = DownloadNames(remote.keys.sorted())
    return names.problems.compactMap { path, reason in
      remote.removeValue(forKey: path).map { file in
        FileTree.Problem(path: file.name.string, reason: reason, isError: true)
      }
    }
  }

  /// What would be done.
  private struct Preview: Encodable {
    var transfers: [ByteText]
    var deletions: [ByteText]
    var same: Int
  }

  private func tell(
    _ plan: SyncPlan, _ work: SyncWork, _ problems: [FileTree.Problem], deletes: Bool, _ session: ClientSession
  ) throws(ClientError) {
    for problem in problems { session.terminal.say("cairn: \(problem.description)") }
    let same = work.sameCount(plan)
    if session.json {
      try StandardOutput.json(
        Preview(transfers: plan.transfers, deletions: deletes ? plan.extras : [], same: same))
    } else {
      let verb = down ? "get" : "put"
      var lines = plan.transfers.map { "would \(verb)  \(BlobClient.quoted($0))" }
      if deletes { lines += plan.extras.map { "would delete  \(BlobClient.quoted($0))" } }
      lines.append(
        "\(plan.transfers.count) would be transferred, \(deletes ? plan.extras.count : 0) deleted, \(same) are the same"
      )
      try StandardOutput.line(lines.joined(separator: "\n"))
    }
    let errors = problems.filter(\.isError).count
    if errors > 0 { throw .several(errors, exitCode: 1) }
  }
}
