import CairnTestSupport
import Foundation
import Testing

extension ServerSuite {
  /// Generated trees of names go through every command that moves files: each byte is found under its own name, or the
  /// command said no and ended with an error.
  @Suite struct NamePropertyTests {
    /// How many trees.
    private static let examples = Environment.variable("CAIRN_TEST_EXAMPLES").flatMap { Int($0) } ?? 5

    @Test(.timeLimit(.minutes(30))) func everyByteIsFoundUnderItsOwnName() async throws {
      var random = SeededRandom(for: "everyByteIsFoundUnderItsOwnName")
      let client = try await ClientFixture()
      for example in 0..<Self.examples {
        var run = try NameExample(client, number: example, seed: random.next())
        try await run.storeTree()
        try await run.addHostileNames()
        try await run.synchronizeDown()
        try await run.getRecursively()
        try await run.moveAndRemove()
        try await run.getOneByOne()
        try await run.synchronizeUpAndDelete()
      }
    }
  }
}

/// One tree and one prefix, with a model of what is stored below the prefix. Sizes tell files apart: each is used once.
private struct NameExample {
  typealias Name = ByteFiles.Name

  private let client: ClientFixture
  private let home: String
  private let prefix: String
  private let tree: ByteFiles
  private var random: SeededRandom
  private var nextSize = 0
  /// Sizes of what should be stored, by names without the prefix.
  private var stored: [Name: Int] = [:]
  private var local: [Name: Int] = [:]
  private let hasForeignName: Bool

  init(_ client: ClientFixture, number: Int, seed: UInt64) throws {
    self.client = client
    home = client.path("example-\(number)")
    tree = ByteFiles(home + "/tree")
    var random = SeededRandom(seed: seed)
    // The number makes it the prefix of one example only.
    let word = ["p", "caf\u{e9}", "a b", "%2e", "\u{301}x"].randomElement(using: &random) ?? "p"
    prefix = "\(number)/\(word)"
    let names = GeneratedNames(&random, count: 12)
    hasForeignName = names.foreign != nil
    self.random = random
    for name in names.utf8 {
      let contents = contents()
      try tree.write(name, contents)
      local[name] = contents.count
    }
    if let foreign = names.foreign { try tree.write(foreign, contents()) }
    try ByteFiles(home).write("outside/kept", Data())
    try tree.link(Array("link in".utf8), to: "link out")
    try tree.link(Array("link out".utf8), to: "../outside")
    try tree.pipe(Array("pipe".utf8))
  }

  // MARK: Steps

  mutating func storeTree() async throws {
    let command = Bool.random(using: &random) ? "put" : "sync"
    try await cairn([command, "--", tree.root, prefix], failing: hasForeignName)
    stored = local
    try await expectStored("\(command)")
  }

  /// Names that only a server can have.
  mutating func addHostileNames() async throws {
    let hostile = [
      "..", "../\u{338}", "x/../\u{338}", "link out/\u{338}", "a//b", "./x", String(repeating: "n", count: 256), "both",
      "both/below", "link out/kept", "\u{338}", "é/\u{301}",
    ]
    for name in hostile.shuffled(using: &random).prefix(4) {
      let contents = contents()
      let answer = try await client.server.curl().put(
        "\(prefix)/\(name)", String(decoding: contents, as: UTF8.self))
      #expect(answer.status == 201 || answer.status == 200)
      stored[Array(name.utf8)] = contents.count
    }
  }

  mutating func synchronizeDown() async throws {
    let back = ByteFiles(home + "/back")
    try back.link(Array("link out".utf8), to: "../outside")
    let writable = writable(links: ["link out"])
    try await cairn(["sync", "--down", "--", back.root, prefix], failing: writable.count < stored.count)
    try expectFiles(back, writable, "sync --down")
  }

  mutating func getRecursively() async throws {
    let root = ByteFiles(home + "/got")
    let writable = writable(links: [])
    try await cairn(["get", "-r", "-o", root.root, "--", prefix], failing: writable.count < stored.count)
    let last = prefix.utf8.split(separator: 0x2F).last.map { String(Substring($0)) } ?? ""
    try expectFiles(ByteFiles("\(root.root)/\(last)"), writable, "get -r")
  }

  mutating func moveAndRemove() async throws {
    for _ in 0..<2 {
      guard let source = stored.keys.sorted(by: { $0.lexicographicallyPrecedes($1) }).randomElement(using: &random)
      else { break }
      let target = otherForm(of: source)
      let isSame = source == target
      try await cairn(["mv", "--", text(source), text(target)], failing: isSame)
      if !isSame { stored[target] = stored.removeValue(forKey: source) }
    }
    if let name = stored.keys.min(by: { $0.lexicographicallyPrecedes($1) }) {
      try await cairn(["rm", "--", text(name)], failing: false)
      stored[name] = nil
    }
    try await expectStored("mv and rm")
  }

  mutating func getOneByOne() async throws {
    for (name, size) in stored.sorted(by: { $0.key.lexicographicallyPrecedes($1.key) }).shuffled(using: &random).prefix(
      2)
    {
      let path = home + "/one"
      try await cairn(["get", "-o", path, "--", text(name)], failing: false)
      #expect(FileManager.default.contents(atPath: path)?.count == size, "\(text(name))")
    }
  }

  mutating func synchronizeUpAndDelete() async throws {
    try await cairn(["sync", "--delete", "--", tree.root, prefix], failing: hasForeignName)
    // Nothing is deleted while something could not be read.
    if hasForeignName { stored.merge(local) { $1 } } else { stored = local }
    try await expectStored("sync --delete")
  }

  // MARK: Expectations

  /// The names that can be files below a folder together, told from their bytes.
  private func writable(links: Set<String>) -> [Name: Int] {
    let names = stored.keys.filter { name in
      let words = name.split(separator: 0x2F, omittingEmptySubsequences: false)
      return words.allSatisfy {
        (1...255).contains($0.count) && !$0.elementsEqual([0x2E]) && !$0.elementsEqual([0x2E, 0x2E])
      }
    }
    var folders: Set<Name> = []
    for name in names {
      for (index, byte) in name.enumerated() where byte == 0x2F { folders.insert(Array(name[..<index])) }
    }
    let linked = links.map { Array($0.utf8) }
    return stored.filter { name, _ in
      names.contains(name) && !folders.contains(name) && !linked.contains { name.starts(with: $0 + [0x2F]) }
    }
  }

  private func expectFiles(_ files: ByteFiles, _ expected: [Name: Int], _ what: String) throws {
    let found = try files.all().mapValues(\.count)
    #expect(found == expected, "\(what): \(describe(found)) for \(describe(expected))")
    #expect(try ByteFiles(home + "/outside").all() == [Array("kept".utf8): Data()], "\(what) left its folder")
    let entries = try FileManager.default.contentsOfDirectory(atPath: home)
    #expect(Set(entries).isSubset(of: ["tree", "outside", "back", "got", "one"]), "\(what) made \(entries)")
  }

  private func expectStored(_ what: String) async throws {
    let answer = try await client.server.curl()("/blobs?limit=1000&prefix=\("\(prefix)/".percentEncoded)")
    let blobs = try #require(answer.json["blobs"] as? [[String: Any]])
    var found: [Name: Int] = [:]
    for blob in blobs {
      let name = try #require(blob["name"] as? String)
      found[Array(name.utf8.dropFirst(prefix.utf8.count + 1))] = blob["size"] as? Int
    }
    #expect(found == stored, "\(what): \(describe(found)) for \(describe(stored))")
  }

  private func cairn(_ arguments: [String], failing: Bool) async throws {
    let result = try await CairnProcess.run(arguments, client.environment)
    #expect((result.exitCode != 0) == failing, "\(arguments): \(result.exitCode) \(result.output)")
  }

  private func describe(_ files: [Name: Int]) -> String {
    files.map { "\($0.value)=\(String(reflecting: String(decoding: $0.key, as: UTF8.self)))" }.sorted().joined(
      separator: " ")
  }

  // MARK: Generation

  /// Bytes of a length that no other file of the example has.
  private mutating func contents() -> Data {
    defer { nextSize += 1 }
    return Data(repeating: UInt8.random(in: 0x61...0x7A, using: &random), count: nextSize)
  }

  private func text(_ name: Name) -> String { "\(prefix)/\(String(decoding: name, as: UTF8.self))" }

  /// The name in another normal form, where it has one, or another name.
  private mutating func otherForm(of name: Name) -> Name {
    let text = String(decoding: name, as: UTF8.self)
    let forms = [
      text.decomposedStringWithCanonicalMapping, text.precomposedStringWithCanonicalMapping,
      "moved \(nextSize)/\u{301}", text,
    ]
    return Array((forms.randomElement(using: &random) ?? text).utf8)
  }
}

/// Names that can be files of one tree.
private struct GeneratedNames {
  private static let words: [String] = [
    "\u{e9}", "e\u{301}", "u\u{308}", "\u{fc}", "\u{212B}", "\u{c5}", "A\u{30A}", "K", "\u{212A}", "k", "\u{ac00}",
    "\u{1100}\u{1161}", "\u{301}", "\u{338}x", "a", "A", "a\u{338}", " ", "a b", "%", "%2e%2e", "100%", "a\nb", "tab\t",
    "\r",
    "-rf", "--json", "...", "..\u{338}", ".hidden", "back\\slash", "\u{1F468}\u{200D}\u{1F469}", "\u{FEFF}",
    "q?a=b&c#d",
    "'\"", ".cairn-x.part", "status",
  ]
  private static let foreignWords: [[UInt8]] = [[0xFF], [0x61, 0xC3], [0xED, 0xA0, 0x80], [0xC0, 0xAE]]

  private(set) var utf8: [[UInt8]] = []
  /// A name that is not UTF-8, in some trees.
  private(set) var foreign: [UInt8]?

  init(_ random: inout SeededRandom, count: Int) {
    var files: Set<[UInt8]> = []
    var folders: Set<[UInt8]> = []
    for _ in 0..<count {
      let words = (0..<Int.random(in: 1...3, using: &random)).map { _ in
        Array((Self.words.randomElement(using: &random) ?? "a").utf8)
      }
      let name = Array(words.joined(separator: [0x2F]))
      let above = words.indices.dropFirst().map { Array(words[..<$0].joined(separator: [0x2F])) }
      guard !files.contains(name), !folders.contains(name), files.isDisjoint(with: above) else { continue }
      files.insert(name)
      folders.formUnion(above)
      utf8.append(name)
    }
    if Int.random(in: 0..<3, using: &random) == 0 { foreign = Self.foreignWords.randomElement(using: &random) }
  }
}
