@testable import CairnCatalog
import CairnModel
import CairnTestSupport
import Logging
import NIOCore
import NIOPosix
import Synchronization

/// Rows of the SQLite catalog, whatever somebody or something has made of them.
extension FuzzTarget {
  static let sqliteRows: [FuzzTarget] = [
    FuzzTarget("sqlite-rows", texts: rowSeeds) { input in
      let catalog = try RowsCatalog.shared()
      // A row is a table's name and its values as SQL has them: numbers, and blobs in hexadecimal digits.
      for line in input.lines.prefix(8) {
        let words = line.split(separator: " ").map(String.init)
        guard let table = words.first, RowsCatalog.tables.contains(table), words.dropFirst().allSatisfy(isLiteral)
        else {
          continue
        }
        catalog.insert("INSERT OR REPLACE INTO \(table) VALUES (\(words.dropFirst().joined(separator: ",")))")
      }
      defer { catalog.clear() }
      try catalog.readEverything()
    }
  ]

  private static func isLiteral(_ word: String) -> Bool {
    if word == "NULL" || Int64(word) != nil || (word.count < 30 && Double(word) != nil) { return true }
    let digits = word.utf8.dropFirst(2).dropLast()
    return word.hasPrefix("x'") && word.hasSuffix("'") && digits.count.isMultiple(of: 2)
      && digits.allSatisfy { $0.hexadecimalValue != nil }
  }

  private static func blob(_ bytes: some Sequence<UInt8>) -> String { "x'\(hexadecimalString(Array(bytes)))'" }

  private static let rowSeeds: [String] = {
    let id = blob([UInt8](repeating: 1, count: 16))
    let bucket = blob("default".utf8)
    let name = (try? ObjectKey("key")).map { ObjectName(key: $0) }
    let objects = Samples.attributes.map { attributes in
      let object = StoredObject(head: Samples.location, attributes: attributes)
      return name.map { Array(object.catalogEntry(of: $0).readableBytesView) } ?? []
    }
    func seed(_ target: String) -> String {
      blob((try? catalogEntries.first { $0.name == target }?.seeds().first) ?? [])
    }
    let report = blob((try? catalogEntries.first { $0.name == "catalog-node" }?.seeds().first?.dropFirst(8)) ?? [])
    return [
      "objects \(bucket) \(blob("key".utf8)) \(id) \(blob(objects.first ?? []))\nmarks \(blob([UInt8](repeating: 0, count: 8))) 5",
      "deletions \(bucket) \(blob("key".utf8)) \(id) \(blob(objects.last ?? [])) 1700000000000",
      "volumes \(blob([UInt8](repeating: 0, count: 8))) 0 \(seed("catalog-volume"))",
      "nodes \(blob("0123456789abcdef0123456789abcdef".utf8)) -1 9223372036854775807 0 \(report)\ndraining \(id)",
      "repairs 1 \(blob("volume/1".utf8)) \(seed("catalog-work")) 1 5 -9223372036854775808 2 \(blob("w".utf8)) \(blob([])) "
        + "\(blob("1".utf8)) \(blob("2".utf8))",
      "uploads \(id) 9223372036854775807 \(seed("catalog-upload")) \(blob("default\u{0}key\u{0}".utf8)) 0\n"
        + "upload_parts \(id) 1 \(seed("catalog-part"))",
    ]
  }()
}

/// A catalog in memory, which targets write rows into.
private final class RowsCatalog: Sendable {
  static let tables = [
    "objects", "deletions", "volumes", "nodes", "marks", "draining", "repairs", "uploads", "upload_parts",
  ]
  private static let made = Result { try RowsCatalog() }

  static func shared() throws -> RowsCatalog { try made.get() }

  private let catalog: SQLiteCatalog
  private let writer: Mutex<SQLiteConnection>
  private let folder: TemporaryFolder

  private init() throws {
    let folder = try TemporaryFolder.inMemory("fuzz")
    let path = folder.path + "/catalog.sqlite"
    let threads = NIOThreadPool(numberOfThreads: 1)
    threads.start()
    catalog = try waiting {
      try await SQLiteCatalog.open(
        path: path, threadPool: threads, logger: Logger(label: "fuzz") { _ in SwiftLogNoOpLogHandler() },
        now: { Samples.time })
    }
    writer = Mutex(try SQLiteConnection(path: path, pageCacheKiB: 1024))
    self.folder = folder
  }

  /// What SQLite does not take is no row.
  func insert(_ sql: String) {
    writer.withLock { writer in try? writer.execute(sql) }
  }

  func clear() {
    writer.withLock { writer in for table in Self.tables { try? writer.execute("DELETE FROM \(table)") } }
  }

  /// Damaged rows are errors, or left out.
  func readEverything() throws {
    try waiting { [catalog] in
      let bucket = BucketName.default
      _ = try? await catalog.nodes()
      _ = try? await catalog.volumes(after: nil, limit: 10)
      _ = try? await catalog.openVolumes()
      _ = try? await catalog.replayMarks()
      _ = try? await catalog.buckets()
      _ = try? await catalog.deletions(after: nil, limit: 10)
      _ = try? await catalog.list(bucket, ListQuery(prefix: "", delimiter: "/", startAfter: nil, limit: 10))
      _ = try? await catalog.object(
        version: BlobID(high: 0x0101_0101_0101_0101, low: 0x0101_0101_0101_0101), in: bucket)
      _ = try? await catalog.list(limit: 10)
      _ = try? await catalog.claim(worker: "w", limit: 10, lease: .seconds(1))
      _ = try? await catalog.uploads(.all, limit: 10)
      _ = try? await catalog.upload(BlobID(high: 0x0101_0101_0101_0101, low: 0x0101_0101_0101_0101))
    }
  }
}
