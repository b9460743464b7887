import ArgumentParser
import CairnClient
import Foundation

/// `cairn sync` makes a folder and the names below a prefix the same.
struct Sync: ClientCommand {
  static let configuration = CommandConfiguration(
    abstract: "Make the names below a prefix the same as a folder's files, or with --down the other way round.",
    discussion: """
      Only what differs is transferred: files of the same size are compared by their MD5 sums.
        cairn sync photos backup/photos         the folder's files go up
        cairn sync --down photos backup/photos  they come back
      With --delete, what the other side doesn't have goes, but nothing goes while anything could not be read.
      """)

  @Argument(help: "The folder.")
  var dir: String
  @Argument(help: "The prefix, as a folder of names; '' for all names.")
  var prefix: String
  @Flag(help: "From the server to the folder.")
  var down = false
  @Flag(help: "Delete what only the other side has.")
  var delete = false
  @Flag(name: .shortAndLong, help: "Only tell what would be done.")
  var dryRun = false
  @Flag(help: "Take along what symbolic links point to.")
  var followLinks = false
  @OptionGroup var transfer: TransferOptions
  @OptionGroup var options: ClientOptions

  var transferOptions: TransferOptions? { transfer }

  func run(_ session: ClientSession) async throws(ClientError) {
    let folder = NameMapping.folder(prefix)
    let exists = UploadTargets.kind(dir)
    guard exists == .folder || (down && exists == .absent) else {
      throw .local("\(BlobClient.quoted(dir)) is no folder: give one that is there")
    }
    let tree = exists == .folder ? FileTree(dir, followsLinks: followLinks) : nil
    let local = Dictionary((tree?.files ?? []).map { ($0.relativePath, $0) }) { first, _ in first }
    var problems = tree?.problems ?? []
    var remote: [String: RemoteFile] = [:]
    for file in try await session.client.all(prefix: folder) {
      let relative = file.name.utf8.dropFirst(folder.utf8.count)
      let path = String(Substring(relative))
      if down {
        do throws(ClientError) { _ = try NameMapping.path(path[...]) } catch {
          problems.append(FileTree.Problem(path: file.name, reason: "\(error)", isError: true))
          continue
        }
      }
      remote[path] = file.remote
    }
    let work = SyncWork(session: session, folder: dir, prefix: folder, local: local, remote: remote, isDown: down)
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
      try printJSON(report)
    } else {
      for file in report.files { print("\(file.action)  \(BlobClient.quoted(file.name))") }
      print("\(report.summary); \(work.sameCount(plan)) were the same")
    }
    try report.check()
  }

  /// What would be done.
  private struct Preview: Encodable {
    var transfers: [String]
    var deletions: [String]
    var same: Int
  }

  private func tell(
    _ plan: SyncPlan, _ work: SyncWork, _ problems: [FileTree.Problem], deletes: Bool, _ session: ClientSession
  ) throws(ClientError) {
    for problem in problems { session.terminal.say("cairn: \(problem.description)") }
    let same = work.sameCount(plan)
    if session.json {
      return try printJSON(
        Preview(transfers: plan.transfers, deletions: deletes ? plan.extras : [], same: same))
    }
    let verb = down ? "get" : "put"
    for path in plan.transfers { print("would \(verb)  \(BlobClient.quoted(path))") }
    if deletes { for path in plan.extras { print("would delete  \(BlobClient.quoted(path))") } }
    print(
      "\(plan.transfers.count) would be transferred, \(deletes ? plan.extras.count : 0) deleted, \(same) are the same")
  }
}
