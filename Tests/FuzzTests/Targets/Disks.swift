@testable import CairnModel
@testable import CairnStorage
import CairnTestSupport
import Glibc
import Logging
import NIOCore
import Synchronization

/// The files of a node.
extension FuzzTarget {
  static let disks: [FuzzTarget] = [
    FuzzTarget("log-header", seeds: [VolumeFiles.header(sealedAt: nil), VolumeFiles.header(sealedAt: 256)]) { input in
      for bytes in [input.bytes, VolumeFiles.withRightHeader(input.bytes)] {
        guard let (header, seal) = accepted({ try LogHeader.decode(ByteBuffer(bytes: bytes)) }) else { continue }
        var again = header.encoded()
        let end: UInt64? = if case .sealed(let end) = seal { end } else { nil }
        again.writeImmutableBuffer(end.map { LogHeader.sealMark(end: $0) } ?? ByteBuffer(repeating: 0, count: 64))
        try requireEqual(try LogHeader.decode(again).0, header, "a header read and written")
      }
    },

    FuzzTarget(
      "log-scanner", seeds: [try Samples.log(of: Samples.records), try Samples.log(of: Samples.records.reversed())]
    ) {
      input in
      let files = try VolumeFiles.shared()
      for bytes in [input.bytes, Samples.withRightChecksums(input.bytes)] {
        try RunningInput.write(bytes, to: files.paths.log)
        let file = try OpenFile(files.paths.log, flags: O_RDONLY, operations: .system)
        for skipsChunks in [false, true] {
          var scanner = LogScanner(file, from: 0, to: UInt64(bytes.count), skippingChunks: skipsChunks)
          // A record of a newer format ends the scan.
          while let finding = accepted({ try scanner.next() }) ?? nil {
            guard case .record(let record, let offset) = finding else { continue }
            try require(
              offset.isMultiple(of: 8) && offset + UInt64(record.header.length) <= UInt64(bytes.count),
              "a record at \(offset) is not within the log")
          }
        }
      }
    },

    FuzzTarget("volume-files", seeds: try VolumeFiles.seeds()) { input in
      let files = try VolumeFiles.shared()
      try files.write(input)
      guard let first = accepted({ try StoredVolume.recover(at: files.paths, context: files.context) }) else { return }
      let found = first.volume.state.withLock { state in (state.index.count, state.end) }
      try require(found.0 <= input.bytes.count, "\(found.0) records in \(input.bytes.count) bytes")
      // What was cut off or rebuilt at the first start is not touched by the second.
      let second = try StoredVolume.recover(at: files.paths, context: files.context)
      let again = second.volume.state.withLock { state in (state.index.count, state.end) }
      try require(found == again, "a volume has \(found) at the first start and \(again) at the second")
    },

    FuzzTarget(
      "node-file",
      texts: [#"{"directoryEntriesMax": 36, "formatVersion": 1, "node": "0123456789abcdef0123456789abcdef"}"#]
    ) { input in
      let files = try VolumeFiles.shared()
      try RunningInput.write(input.bytes, to: files.paths.directory.path + "/" + NodeFile.name)
      let file = accepted {
        try NodeFile.readOrMake(
          in: files.paths.directory, hasVolumes: true, directoryEntriesMax: 36, operations: .system)
      }
      guard let file else { return }
      // What a store does with it.
      guard file.directoryEntriesMax <= Limits.directoryEntriesMax else { return }
      var tree = VolumeTree(root: files.paths.directory.appending("volumes"), fanOut: file.directoryEntriesMax)
      _ = accepted { try tree.scan(logger: files.context.logger) }
    },
  ]
}

/// A log and an index in memory, which targets write over and read.
struct VolumeFiles: Sendable {
  private static let volume = VolumeID(rawValue: 7)
  private static let generation: UInt64 = 9

  let paths: VolumePaths
  let context: StorageContext
  private let folder: TemporaryFolder

  private static let made = Result { try VolumeFiles() }

  static func shared() throws -> VolumeFiles { try made.get() }

  private init() throws {
    folder = try TemporaryFolder.inMemory("fuzz")
    let configuration = StorageConfiguration(path: folder.path, freeSpaceMin: 0)
    context = StorageContext(
      configuration: configuration, operations: .system,
      logger: Logger(label: "fuzz") { _ in SwiftLogNoOpLogHandler() },
      now: { Samples.time },
      space: try DiskSpace(path: folder.path, reserve: 0, operations: .system, now: { Samples.time }),
      descriptors: DescriptorBudget(limit: 16))
    paths = VolumePaths(directory: Directory(path: folder.path), volume: Self.volume)
  }

  /// Takes an input apart: the length of the log in two bytes, the log, the index.
  func write(_ input: FuzzInput) throws {
    let length = input.bytes.prefix(2).reduce(0) { $0 << 8 | Int($1) }
    let log = Array(input.bytes.dropFirst(2).prefix(length))
    let index = Array(input.bytes.dropFirst(2 + length))
    let records = Samples.withRightChecksums(Array(log.dropFirst(LogHeader.length)))
    try RunningInput.write(Self.withRightHeader(Array(log.prefix(LogHeader.length))) + records, to: paths.log)
    if index.isEmpty {
      unlink(paths.index)
    } else {
      try RunningInput.write(Samples.withRightEnd(index), to: paths.index)
    }
  }

  static func header(sealedAt end: UInt64?) -> [UInt8] {
    let header = LogHeader(volume: volume, generation: generation).encoded()
    let seal = end.map { LogHeader.sealMark(end: $0) } ?? ByteBuffer(repeating: 0, count: 64)
    return Array(header.readableBytesView) + seal.readableBytesView
  }

  /// The bytes with the right checksums of a header's two parts; a seal mark of zeros stays one.
  static func withRightHeader(_ bytes: [UInt8]) -> [UInt8] {
    guard bytes.count >= LogHeader.length else { return bytes }
    let (fixed, seal) = (Array(bytes[..<64]), Array(bytes[64..<128]))
    return Samples.withRightEnd(fixed) + (seal.allSatisfy { $0 == 0 } ? seal : Samples.withRightEnd(seal))
  }

  static func seeds() throws -> [[UInt8]] {
    let records = try Samples.log(of: Samples.records)
    let end = LogHeader.length + records.count
    let logs = [header(sealedAt: nil) + records, header(sealedAt: UInt64(end)) + records]
    return try logs.flatMap { log in
      let length = [UInt8(log.count >> 8), UInt8(log.count & 0xFF)]
      return [length + log, length + log + (try index(of: records, end: end))]
    }
  }

  private static func index(of records: [UInt8], end: Int) throws -> [UInt8] {
    let files = try shared()
    try RunningInput.write(records, to: files.paths.log)
    let file = try OpenFile(files.paths.log, flags: O_RDONLY, operations: .system)
    var scanner = LogScanner(file, from: 0, to: UInt64(records.count))
    var index = BlobIndex()
    while case .record(let record, let offset)? = try scanner.next() {
      index.put(IndexEntry(record.header, offset: offset + UInt64(LogHeader.length)))
    }
    let snapshot = IndexSnapshot(
      volume: volume, generation: generation, logEnd: UInt64(end), markedTo: 0, damagedCount: 0, index: index,
      dying: [DyingEntry(ordinal: 0, deadline: 1)])
    try snapshot.write(to: files.paths, operations: .system)
    return RunningInput.read(files.paths.index) ?? []
  }
}
