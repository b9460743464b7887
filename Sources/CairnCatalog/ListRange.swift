/// A ``ListQuery`` as bounds over keys, the same for every catalog. All of it is bytes: text that looks equal, and
/// whose bytes differ, names different objects.
struct ListRange: Hashable, Sendable {
  /// The first key that may be listed.
  let lower: [UInt8]
  /// The first key past the prefix.
  let upper: [UInt8]
  let prefixCount: Int
  /// Nil where nothing is rolled up.
  let delimiter: [UInt8]?
  /// 1 to ``CatalogLimits/pageLengthMax``.
  let limit: Int

  /// Greater than every key: no UTF-8 text has this byte.
  private static let end: [UInt8] = [0xFF]

  init(_ query: ListQuery) {
    let prefix = Array(query.prefix.utf8)
    let delimiter = query.delimiter.map { Array($0.utf8) }.flatMap { $0.isEmpty ? nil : $0 }
    self.delimiter = delimiter
    prefixCount = prefix.count
    limit = min(max(query.limit, 1), CatalogLimits.pageLengthMax)
    upper = prefix.isEmpty ? Self.end : Self.end(of: prefix)
    guard let startAfter = query.startAfter.map({ Array($0.utf8) }), !startAfter.lexicographicallyPrecedes(prefix)
    else {
      lower = prefix
      return
    }
    if startAfter.starts(with: prefix),
      let rolledUp = Self.commonPrefixCount(startAfter, prefixCount: prefix.count, delimiter: delimiter)
    {
      // Every name under this common prefix is hidden by it, and it is not greater than `startAfter` itself.
      lower = Self.end(of: startAfter[..<rolledUp])
    } else {
      lower = startAfter + [0]
    }
  }

  /// How many bytes of `key` are its common prefix, nil where it is listed by itself.
  func commonPrefixCount(_ key: [UInt8]) -> Int? {
    Self.commonPrefixCount(key, prefixCount: prefixCount, delimiter: delimiter)
  }

  /// The least text that is greater than all that start with `prefix`.
  static func end(of prefix: some Collection<UInt8>) -> [UInt8] {
    var end = Array(prefix)
    while let last = end.popLast() {
      guard last < 0xFF else { continue }
      end.append(last + 1)
      return end
    }
    return Self.end
  }

  private static func commonPrefixCount(_ key: [UInt8], prefixCount: Int, delimiter: [UInt8]?) -> Int? {
    guard let delimiter, let first = delimiter.first else { return nil }
    var start = prefixCount
    while start + delimiter.count <= key.count {
      guard let found = key[start...].firstIndex(of: first), found + delimiter.count <= key.count else { return nil }
      if key[found..<found + delimiter.count].elementsEqual(delimiter) { return found + delimiter.count }
      start = found + 1
    }
    return nil
  }
}
