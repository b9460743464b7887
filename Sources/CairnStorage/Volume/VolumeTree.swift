internal import CairnModel
internal import Logging

/// The directories under `volumes/`: a tree in which none has more than a given number of entries.
///
/// Each leaf has a number, whose digits (to the base of the fan-out) are the path to it. Leaves fill up in order. The
/// fan-out is fixed when the storage path is first used, since it decides what a path means.
struct VolumeTree: Sendable {
  /// So many volumes must find room at least.
  private static let capacityMin = 1 << 18

  let root: Directory
  private let fanOut: Int
  private let volumesPerLeaf: Int
  private let depth: Int
  /// Volumes in each leaf that has any.
  private var occupancy: [Int: Int] = [:]
  private var firstFree = 0

  init(root: Directory, fanOut: Int) {
    self.root = root
    self.fanOut = fanOut
    volumesPerLeaf = fanOut / VolumePaths.filesMax
    var depth = 1
    var leaves = fanOut
    while leaves * volumesPerLeaf < Self.capacityMin {
      leaves *= fanOut
      depth += 1
    }
    self.depth = depth
    leafCount = leaves
  }

  private let leafCount: Int

  /// Finds all volumes, and removes what an interrupted change left over. What is found is durable then: a process that
  /// died between a change of a directory and its sync has left entries that the next loss of power would take, together
  /// with all that was written to them since.
  mutating func scan(logger: Logger) throws(StorageError) -> [VolumePaths] {
    var found: [VolumePaths] = []
    try scan(root, leaf: 0, level: 0, into: &found, logger)
    return found.sorted { $0.volume < $1.volume }
  }

  /// Where a new volume goes. Makes the directory, durably.
  mutating func allocate(_ volume: VolumeID) throws(StorageError) -> VolumePaths {
    while occupancy[firstFree, default: 0] >= volumesPerLeaf { firstFree += 1 }
    guard firstFree < leafCount else { throw .tooManyVolumes(leafCount * volumesPerLeaf) }
    let directory = directory(ofLeaf: firstFree)
    try directory.createAll(below: root)
    occupancy[firstFree, default: 0] += 1
    return VolumePaths(directory: directory, volume: volume)
  }

  /// Gives the place of a volume back that did not come to be.
  mutating func release(_ paths: VolumePaths) {
    for leaf in occupancy.keys where directory(ofLeaf: leaf) == paths.directory {
      occupancy[leaf, default: 1] -= 1
      firstFree = min(firstFree, leaf)
    }
  }

  private func directory(ofLeaf number: Int) -> Directory {
    var digits: [Int] = []
    var rest = number
    for _ in 0..<depth {
      digits.append(rest % fanOut)
      rest /= fanOut
    }
    return digits.reversed().reduce(root) { $0.appending(Self.name(ofDigit: $1)) }
  }

  private static func name(ofDigit digit: Int) -> String {
    digit < 10 ? "0\(digit)" : "\(digit)"
  }

  private mutating func scan(
    _ directory: Directory, leaf: Int, level: Int, into found: inout [VolumePaths], _ logger: Logger
  ) throws(StorageError) {
    try directory.sync()
    let entries = try directory.entries()
    if level < depth {
      for entry in entries {
        guard entry.isDirectory, let digit = Int(entry.name), digit < fanOut, Self.name(ofDigit: digit) == entry.name
        else {
          logger.warning("unknown entry in the volume tree", metadata: ["path": "\(directory.path)/\(entry.name)"])
          continue
        }
        let next = directory.appending(entry.name)
        try scan(next, leaf: leaf * fanOut + digit, level: level + 1, into: &found, logger)
      }
      return
    }
    var logs: Set<ByteText> = []
    for entry in entries {
      guard let stem = ByteText(entry.name).dropping(suffix: ByteText(VolumePaths.logExtension)),
        let volume = VolumeID(stem.string)
      else { continue }
      logs.insert(stem)
      found.append(VolumePaths(directory: directory, volume: volume))
    }
    occupancy[leaf] = logs.count
    // An index without its log is what is left of a volume that was being made.
    for entry in entries {
      let name = ByteText(entry.name)
      let isOrphan = name.dropping(suffix: ByteText(VolumePaths.indexExtension)).map { !logs.contains($0) } ?? false
      if isOrphan || name.ends(with: ByteText(VolumePaths.temporaryExtension)) { try directory.remove(entry.name) }
    }
  }
}
