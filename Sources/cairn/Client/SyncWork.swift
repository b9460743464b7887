import CairnClient
import CairnModel

/// What a sync does in one direction.
struct SyncWork: Sendable {
  let session: ClientSession
  let folder: DownloadFolder
  /// With a slash at its end, or empty.
  let prefix: ByteText
  /// By relative path, as `remote`.
  let local: [ByteText: FileTree.File]
  let remote: [ByteText: RemoteFile]
  let isDown: Bool

  /// - Parameter jobs: files that are read at the same time to compare them.
  func plan(jobs: Int) async throws(ClientError) -> SyncPlan {
    let here = local.mapValues(\.size)
    let there = remote.mapValues(\.size)
    let plan = isDown ? SyncPlan(source: there, target: here) : SyncPlan(source: here, target: there)
    let different = await differing(plan.comparisons, jobs: jobs)
    return plan.settled(different.contains)
  }

  /// A file that can't be read differs: its transfer will report why.
  private func differing(_ paths: [ByteText], jobs: Int) async -> Set<ByteText> {
    await withTaskGroup(of: ByteText?.self) { group in
      var different: Set<ByteText> = []
      for (index, path) in paths.enumerated() {
        if index >= jobs, let found = await group.next(), let found { different.insert(found) }
        guard let file = local[path], let other = remote[path] else { continue }
        group.addTask {
          let sums = try? await session.client.checksums(of: file.path)
          return sums?.prove(other.checksums) == true ? nil : path
        }
      }
      for await found in group { if let found { different.insert(found) } }
      return different
    }
  }

  /// Files that both sides have the same.
  func sameCount(_ plan: SyncPlan) -> Int {
    (isDown ? remote.count : local.count) - plan.transfers.count
  }

  func transfers(_ plan: SyncPlan) -> [Transfers.Item] {
    plan.transfers.compactMap { isDown ? download($0) : upload($0) }
  }

  func deletions(_ plan: SyncPlan) -> [Transfers.Item] {
    plan.extras.compactMap { isDown ? deleteHere($0) : deleteThere($0) }
  }

  private func upload(_ path: ByteText) -> Transfers.Item? {
    guard let file = local[path] else { return nil }
    let (client, name) = (session.client, prefix + path)
    return Transfers.Item(label: name.string, size: file.size) { transfer throws(ClientError) in
      let stored = try await client.uploadFile(file.path, as: name, transfer: transfer)
      return FileReport(
        action: "put", name: name, path: file.path, size: stored.size, md5: stored.md5, sha256: stored.checksum)
    }
  }

  private func download(_ path: ByteText) -> Transfers.Item? {
    guard let file = remote[path] else { return nil }
    let (client, files, folder) = (session.client, session.files, folder)
    return Transfers.Item(label: file.name.string, size: file.size) { transfer throws(ClientError) in
      let place = try folder.place(try Self.relative(path))
      let got = try await client.download(file.name, to: place, known: file, files: files, transfer: transfer)
      return FileReport(
        action: "get", name: file.name, path: place.path, size: got.size, md5: got.checksums.md5,
        sha256: got.checksums.sha256)
    }
  }

  private func deleteThere(_ path: ByteText) -> Transfers.Item? {
    guard let file = remote[path] else { return nil }
    let client = session.client
    return Transfers.Item(label: file.name.string, size: 0) { _ throws(ClientError) in
      // The version that was listed, and none that came since.
      do throws(ClientError) { try await client.delete(file.name, ifMatch: file.etag) } catch .notFound {}
      return FileReport(action: "delete", name: file.name, path: nil, size: 0, md5: file.checksums.md5, sha256: nil)
    }
  }

  private static func relative(_ path: ByteText) throws(ClientError) -> RelativePath {
    do throws(InvalidPath) { return try RelativePath(path) } catch {
      throw .local("\(BlobClient.quoted(path)) \(error)")
    }
  }

  private func deleteHere(_ path: ByteText) -> Transfers.Item? {
    guard let file = local[path] else { return nil }
    let folder = folder
    return Transfers.Item(label: path.string, size: 0) { _ throws(ClientError) in
      try folder.delete(try Self.relative(path))
      return FileReport(action: "delete", name: path, path: file.path, size: 0, md5: nil, sha256: nil)
    }
  }
}
