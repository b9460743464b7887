import CairnModel
import Testing

@testable import CairnCatalog

/// Each order of a reader's and a writer's steps that could leave an old object in the cache.
@Suite struct ObjectCacheTests {
  private let cache = ObjectCache(capacity: 1 << 20)
  private let old = makeObject(version(1))
  private let new = makeObject(version(2))

  @Test func whatWasReadIsKept() throws {
    let name = try name("file")
    #expect(cache.object(name) == nil)
    cache.fill(name, with: old, ticket: cache.ticket(for: name))
    #expect(cache.object(name) == .some(old))
    #expect(cache.object(try self.name("other")) == nil)
  }

  @Test func aChangeIsKnownUntilItIsCommitted() throws {
    let name = try name("file")
    cache.fill(name, with: old, ticket: cache.ticket(for: name))
    cache.publish([(name, new)])
    #expect(cache.object(name) == .some(new))
    #expect(cache.hasUncommitted)
    cache.didCommit()
    #expect(cache.object(name) == nil)
    #expect(!cache.hasUncommitted)
  }

  @Test func aDeletionIsKnownUntilItIsCommitted() throws {
    let name = try name("file")
    cache.fill(name, with: old, ticket: cache.ticket(for: name))
    cache.publish([(name, nil)])
    #expect(cache.object(name) == .some(nil))
    cache.didCommit()
    #expect(cache.object(name) == nil)
  }

  @Test func uncommittedChangesAreNeverEvicted() throws {
    let small = ObjectCache(capacity: 0)
    let names = try (1...500).map { try name("file \($0)") }
    for name in names { small.publish([(name, new)]) }
    #expect(names.allSatisfy { small.object($0) == .some(new) })
    small.didCommit()
    #expect(names.allSatisfy { small.object($0) == nil })
  }

  @Test func aReaderThatBeganBeforeACommitCannotUndoIt() throws {
    let name = try name("file")
    let ticket = cache.ticket(for: name)
    cache.publish([(name, new)])
    cache.didCommit()
    cache.fill(name, with: old, ticket: ticket)
    #expect(cache.object(name) == nil)
  }

  @Test func aReaderThatBeganBeforeADeletionCannotUndoIt() throws {
    let name = try name("file")
    let ticket = cache.ticket(for: name)
    cache.publish([(name, nil)])
    cache.didCommit()
    cache.fill(name, with: old, ticket: ticket)
    #expect(cache.object(name) == nil)
  }

  @Test func aReaderOfTheFileBeforeACommitKeepsNothing() throws {
    let name = try name("file")
    cache.publish([(name, new)])
    let ticket = cache.ticket(for: name)
    cache.fill(name, with: old, ticket: ticket)
    #expect(cache.object(name) == .some(new))
    cache.publish([(name, nil)])
    cache.didCommit()
    cache.fill(name, with: old, ticket: ticket)
    #expect(cache.object(name) == nil)
  }

  @Test func theOldestUseGoesFirst() throws {
    var shard = ObjectCacheShard(capacity: 10_000)
    for number in 1...1000 {
      shard.insert(try name("file \(number)"), number, old)
      // Used again and again, so never the oldest.
      #expect(shard.object(try name("file 1"), 1) == .some(old))
    }
    let kept = try (1...1000).filter { shard.object(try name("file \($0)"), $0) != nil }
    #expect(kept.first == 1)
    #expect(kept.count > 5 && kept.count < 20)
    #expect(kept.dropFirst().elementsEqual((1002 - kept.count)...1000))
  }

  @Test func namesOfTheSameHashAreToldApart() throws {
    var shard = ObjectCacheShard(capacity: 10_000)
    shard.insert(try name("one"), 7, old)
    #expect(shard.object(try name("two"), 7) == nil)
    shard.insert(try name("two"), 7, new)
    #expect(shard.object(try name("two"), 7) == .some(new))
    #expect(shard.object(try name("one"), 7) == nil)
    shard.remove(7)
    #expect(shard.object(try name("two"), 7) == nil)
  }

  @Test func anObjectLargerThanTheCacheIsNotKept() throws {
    var shard = ObjectCacheShard(capacity: 2000)
    var large = old
    large.attributes.unknown = [UnknownAttribute(tag: 40, value: Array(repeating: 0, count: 4000))]
    shard.insert(try name("small"), 1, old)
    shard.insert(try name("large"), 2, large)
    #expect(shard.object(try name("large"), 2) == nil)
    #expect(shard.object(try name("small"), 1) == .some(old))
  }

  private func name(_ key: String) throws -> ObjectName { ObjectName(key: try ObjectKey(key)) }
}
