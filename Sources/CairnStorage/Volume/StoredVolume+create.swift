internal import CairnModel
internal import Glibc
internal import NIOCore

extension StoredVolume {
  /// Makes the files of a new volume, durably. Blocks.
  static func create(_ id: VolumeID, at paths: VolumePaths, context: StorageContext) throws(StorageError)
    -> StoredVolume
  {
    let header = LogHeader(volume: id, generation: .random(in: 1 ... .max))
    let state = State.empty(header)
    let file = try OpenFile(paths.temporaryLog, flags: O_RDWR | O_CREAT | O_TRUNC, operations: context.operations)
    do throws(StorageError) {
      do throws(SystemError) {
        try writeHeader(header, to: file)
        try file.sync()
      } catch {
        throw .io(error, path: paths.temporaryLog)
      }
      // First the index: a log without one means that it was lost, and that costs more at the next start.
      try state.snapshot(of: id).write(to: paths, operations: context.operations)
      do throws(SystemError) {
        try context.operations.rename(paths.temporaryLog, paths.log)
      } catch {
        throw .io(error, path: paths.log)
      }
      try paths.directory.sync()
    } catch {
      try? paths.removeTemporaries()
      throw error
    }
    return StoredVolume(id, at: paths, context: context, state: state)
  }

  /// Fills the bytes before the first record; the seal mark stays zero.
  static func writeHeader(_ header: LogHeader, to file: OpenFile) throws(SystemError) {
    var bytes = header.encoded()
    bytes.writeRepeatingByte(0, count: LogHeader.length - bytes.readableBytes)
    try bytes.withReadableBytes { (bytes) throws(SystemError) in try file.write(bytes, at: 0) }
  }
}

extension StoredVolume.State {
  /// Of a log that has a header and nothing else.
  static func empty(_ header: LogHeader) -> StoredVolume.State {
    let start = UInt64(LogHeader.length)
    var state = StoredVolume.State(
      header: header, end: start, syncedEnd: start, markedEnd: start, durablyMarkedEnd: start)
    state.snapshotEnd = start
    state.snapshotMarkedEnd = start
    return state
  }
}
