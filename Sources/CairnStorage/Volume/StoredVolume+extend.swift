internal import CairnModel
internal import Synchronization

/// A log's file is longer than its records while small ones come: zeros are written ahead of them. Otherwise each sync
/// would also have to write the file's new length: a quarter to a half of the time that a sync takes, where it was measured
/// (ext4 without a journal).
///
/// The zeros are really written. To blocks that were only reserved (`fallocate`), the first write is a change of the
/// file system's own records too.
extension StoredVolume {
  /// Longer batches make the file grow as they go: with them a sync costs little beside the writing.
  static let extendedBatchMax: UInt64 = 64 << 10
  /// So many batches more find the file long enough.
  private static let batchesAhead: UInt64 = 16
  private static let alignment: UInt64 = 4096

  /// Makes the file long enough for the batch, which is about to be written, and some more like it. Best effort: the
  /// batch itself tells what the disk says. Only on the volume's writer.
  func extend(_ file: OpenFile, for plan: AppendPlan) {
    let length = plan.end - plan.start
    guard length <= Self.extendedBatchMax, state.withLock({ $0.extendedEnd }) < plan.end else { return }
    let end = (plan.end + length * Self.batchesAhead + Self.alignment - 1) / Self.alignment * Self.alignment
    let count = end - plan.end
    guard context.space.admitAhead(count), (try? file.writeZeros(Int(count), at: plan.end)) != nil else { return }
    state.withLock { $0.extendedEnd = end }
  }

  /// Ends the file where its records end. Only on the volume's writer, or when it has none any more.
  func trim() throws(StorageError) {
    let (end, extendedEnd) = state.withLock { ($0.end, $0.extendedEnd) }
    guard extendedEnd > end, !dropped.isRaised else { return }
    let file = try openedFile()
    do throws(SystemError) { try file.truncate(to: end) } catch { throw .io(error, path: file.path) }
    state.withLock { $0.extendedEnd = 0 }
  }
}
