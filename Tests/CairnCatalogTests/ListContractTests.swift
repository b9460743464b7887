import CairnCatalog
import CairnModel
import CairnTestSupport
import Testing

/// What both catalogs promise about lists.
@Suite struct ListContractTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let query: ListQuery
    let entries: [String]
    let prefixes: [String]

    init(
      prefix: String = "", delimiter: String? = nil, startAfter: String? = nil, entries: [String] = [],
      prefixes: [String] = []
    ) {
      query = ListQuery(prefix: prefix, delimiter: delimiter, startAfter: startAfter, limit: 1000)
      self.entries = entries
      self.prefixes = prefixes
    }

    var testDescription: String {
      "prefix '\(query.prefix)' delimiter '\(query.delimiter ?? "")' after '\(query.startAfter ?? "")'"
    }
  }

  /// In bytewise order.
  static let names = [
    "\u{1}", "A", "a", "a\u{1}b", "a/", "a/b", "a/b/c", "a/b/d", "a/c", "a0", "b--c--d", "b--e", "c/1", "c/2",
    "e\u{301}",
    "\u{E9}", "日本/一", "日本/二", "🏔️",
  ]

  static let cases = [
    Case(entries: names),
    Case(prefix: "a", entries: ["a", "a\u{1}b", "a/", "a/b", "a/b/c", "a/b/d", "a/c", "a0"]),
    Case(prefix: "a/b", entries: ["a/b", "a/b/c", "a/b/d"]),
    Case(prefix: "zzz"),
    Case(delimiter: "", startAfter: "\u{E9}", entries: ["日本/一", "日本/二", "🏔️"]),
    Case(
      delimiter: "/", entries: ["\u{1}", "A", "a", "a\u{1}b", "a0", "b--c--d", "b--e", "e\u{301}", "\u{E9}", "🏔️"],
      prefixes: ["a/", "c/", "日本/"]),
    Case(prefix: "a/", delimiter: "/", entries: ["a/", "a/b", "a/c"], prefixes: ["a/b/"]),
    Case(prefix: "a", delimiter: "/", entries: ["a", "a\u{1}b", "a0"], prefixes: ["a/"]),
    Case(prefix: "b", delimiter: "--", prefixes: ["b--"]),
    Case(prefix: "b--", delimiter: "--", entries: ["b--e"], prefixes: ["b--c--"]),
    Case(prefix: "日", delimiter: "本/", prefixes: ["日本/"]),
    Case(delimiter: "\u{301}", startAfter: "c/2", entries: ["\u{E9}", "日本/一", "日本/二", "🏔️"], prefixes: ["e\u{301}"]),
    Case(startAfter: "c/1", entries: ["c/2", "e\u{301}", "\u{E9}", "日本/一", "日本/二", "🏔️"]),
    Case(startAfter: "c/", entries: ["c/1", "c/2", "e\u{301}", "\u{E9}", "日本/一", "日本/二", "🏔️"]),
    // After a common prefix, and inside one: it isn't greater, so it isn't listed again.
    Case(prefix: "a", delimiter: "/", startAfter: "a/", entries: ["a0"]),
    Case(prefix: "a", delimiter: "/", startAfter: "a/b/c", entries: ["a0"]),
    Case(prefix: "a/", delimiter: "/", startAfter: "a/b", entries: ["a/c"], prefixes: ["a/b/"]),
    Case(prefix: "a/", delimiter: "/", startAfter: "a/b/c", entries: ["a/c"]),
    // Before the prefix, and past it.
    Case(prefix: "c", startAfter: "a", entries: ["c/1", "c/2"]),
    Case(prefix: "c", startAfter: "d"),
    Case(prefix: "c", startAfter: "c0"),
    Case(startAfter: "🏔️"),
  ]

  @Test(arguments: Implementation.allCases, cases)
  func namesAreListedInTheOrderOfTheirBytes(_ implementation: Implementation, _ wanted: Case) async throws {
    try await withCatalog(implementation) { fixture in
      try await put(Self.names.shuffled(), into: fixture.catalog)
      let page = try await fixture.catalog.list(.default, wanted.query)
      #expect(page.entries.map(\.key) == (try wanted.entries.map { try ObjectKey($0) }))
      #expect(page.prefixes.map { Array($0.utf8) } == wanted.prefixes.map { Array($0.utf8) })
      #expect(page.nextStartAfter == nil)
      for entry in page.entries {
        #expect(try await fixture.catalog.object(ObjectName(key: entry.key)) == entry.object)
      }
    }
  }

  @Test(arguments: Implementation.allCases, cases)
  func pagesOfAnyLengthGiveEachNameOnce(_ implementation: Implementation, _ wanted: Case) async throws {
    try await withCatalog(implementation) { fixture in
      try await put(Self.names, into: fixture.catalog)
      for limit in [1, 2, 3, 7] {
        var query = wanted.query
        query.limit = limit
        var entries: [ObjectKey] = []
        var prefixes: [String] = []
        repeat {
          let page = try await fixture.catalog.list(.default, query)
          let count = page.entries.count + page.prefixes.count
          #expect(page.nextStartAfter == nil ? count <= limit : count == limit)
          entries += page.entries.map(\.key)
          prefixes += page.prefixes
          query.startAfter = page.nextStartAfter
        } while query.startAfter != nil && entries.count <= Self.names.count
        #expect(entries == (try wanted.entries.map { try ObjectKey($0) }))
        #expect(prefixes.map { Array($0.utf8) } == wanted.prefixes.map { Array($0.utf8) })
      }
    }
  }

  @Test(arguments: Implementation.allCases)
  func anEmptyBucketHasAnEmptyPage(_ implementation: Implementation) async throws {
    try await withCatalog(implementation) { fixture in
      let page = try await fixture.catalog.list(.default, ListQuery(delimiter: "/", limit: 1))
      #expect(page == ListPage(entries: [], prefixes: [], nextStartAfter: nil))
    }
  }

  @Test(arguments: Implementation.allCases)
  func randomListsAgreeWithTheModel(_ implementation: Implementation) async throws {
    var random = SeededGenerator("randomListsAgreeWithTheModel")
    let alphabet = ["a", "b", "/", "//", "é", "\u{1}", "\u{7F}", "~", "𐀀"]
    func text(upTo count: Int) -> String {
      (0..<Int.random(in: 0...count, using: &random)).map { _ in alphabet.randomElement(using: &random) ?? "a" }
        .joined()
    }
    try await withCatalog(implementation) { fixture in
      let names = Set((1...150).map { _ in try? ObjectKey(text(upTo: 6)) }.compactMap(\.self))
      try await put(names.map(\.text), into: fixture.catalog)
      for _ in 1...120 {
        let query = ListQuery(
          prefix: text(upTo: 2), delimiter: Bool.random(using: &random) ? text(upTo: 2) : nil,
          startAfter: Bool.random(using: &random) ? text(upTo: 5) : nil, limit: Int.random(in: 1...40, using: &random))
        let page = try await fixture.catalog.list(.default, query)
        let model = ModelList(names, query)
        #expect(page.entries.map(\.key.text.bytes) == model.entries, "\(query)")
        #expect(page.prefixes.map(\.bytes) == model.prefixes, "\(query)")
        #expect(page.nextStartAfter?.bytes == model.next, "\(query)")
      }
    }
  }

  @Test(arguments: Implementation.allCases)
  func tenThousandNamesAreWalkedInPages(_ implementation: Implementation) async throws {
    try await withCatalog(implementation) { fixture in
      let names = (0..<10_000).map { "walk/\($0 % 100)/\($0)" }
      try await put(names, into: fixture.catalog)
      var walked: [String] = []
      var query = ListQuery(limit: 700)
      repeat {
        let page = try await fixture.catalog.list(.default, query)
        walked += page.entries.map(\.key.text)
        query.startAfter = page.nextStartAfter
      } while query.startAfter != nil
      #expect(walked == names.sorted { $0.bytes.lexicographicallyPrecedes($1.bytes) })
      let rolledUp = try await fixture.catalog.list(.default, ListQuery(prefix: "walk/", delimiter: "/", limit: 1000))
      #expect(rolledUp.prefixes.count == 100)
      #expect(rolledUp.entries.isEmpty)
    }
  }

  /// The cost is compared with that of reading all names, on the same machine at the same moment.
  @Test(arguments: Implementation.allCases)
  func hiddenNamesCostNothing(_ implementation: Implementation) async throws {
    try await withCatalog(implementation) { fixture in
      try await put((0..<10_000).map { "hidden/\($0)" } + ["z"], into: fixture.catalog)
      let catalog = fixture.catalog
      let all = try await fastest {
        var query = ListQuery(limit: 1000)
        repeat {
          query.startAfter = try await catalog.list(.default, query).nextStartAfter
        } while query.startAfter != nil
      }
      let rolledUp = try await fastest {
        let page = try await catalog.list(.default, ListQuery(delimiter: "/", limit: 1000))
        #expect(page.prefixes == ["hidden/"] && page.entries.count == 1)
      }
      #expect(rolledUp * 10 < all, "a page took \(rolledUp), all names \(all)")
    }
  }

  private func fastest(_ body: () async throws -> Void) async throws -> Duration {
    let clock = ContinuousClock()
    var best = Duration.seconds(1000)
    for _ in 1...5 {
      let start = clock.now
      try await body()
      best = min(best, clock.now - start)
    }
    return best
  }

  private func put(_ names: [String], into catalog: any Catalog) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      for start in stride(from: 0, to: names.count, by: 200) {
        group.addTask {
          for index in start..<min(start + 200, names.count) {
            let outcome = try await catalog.put(
              makeObject(version(UInt64(index + 1))), as: name(names[index]), if: .absent)
            #expect(outcome == .committed(replaced: nil))
          }
        }
      }
      try await group.waitForAll()
    }
  }
}

extension String {
  fileprivate var bytes: [UInt8] { Array(utf8) }
}

/// What a list is, said in the plainest way, over bytes.
private struct ModelList {
  var entries: [[UInt8]] = []
  var prefixes: [[UInt8]] = []
  var next: [UInt8]?

  init(_ names: Set<ObjectKey>, _ query: ListQuery) {
    let prefix = query.prefix.bytes
    let delimiter = query.delimiter?.bytes ?? []
    var items: [(text: [UInt8], isPrefix: Bool)] = []
    for name in names.sorted().map(\.text.bytes) where name.starts(with: prefix) {
      var item = (text: name, isPrefix: false)
      if !delimiter.isEmpty {
        for end in 0...name.count where end >= prefix.count + delimiter.count {
          if name[..<end].suffix(delimiter.count).elementsEqual(delimiter) {
            item = (Array(name[..<end]), true)
            break
          }
        }
      }
      if let after = query.startAfter?.bytes, !after.lexicographicallyPrecedes(item.text) { continue }
      if let last = items.last, last.isPrefix, last.text == item.text { continue }
      items.append(item)
    }
    for item in items.prefix(query.limit) {
      if item.isPrefix { prefixes.append(item.text) } else { entries.append(item.text) }
    }
    if items.count > query.limit { next = items[query.limit - 1].text }
  }
}
