import CairnModel
import Synchronization
import Testing

@Suite struct NameTests {
  @Test(arguments: ["../../etc/passwd", "/", " ", "%2F", "🏔️", "a\nb", String(repeating: "x", count: 1024)])
  func anyTextIsAKey(text: String) throws {
    #expect(try ObjectKey(text).text == text)
  }

  @Test func keysThatCannotBeAreNamed() {
    #expect(throws: InvalidName.keyEmpty) { try ObjectKey("") }
    #expect(throws: InvalidName.keyNUL) { try ObjectKey("a\0b") }
    #expect(throws: InvalidName.keyLength(1026)) { try ObjectKey(String(repeating: "é", count: 513)) }
    #expect(throws: InvalidName.keyEncoding) { try ObjectKey(utf8: [0xFF, 0xFE]) }
  }

  @Test func keysAreTheirBytes() throws {
    let composed = try ObjectKey("\u{E9}")
    let decomposed = try ObjectKey("e\u{301}")
    #expect(composed != decomposed)
    #expect(Set([composed, decomposed]).count == 2)
    #expect(decomposed < composed)
  }

  @Test(arguments: ["ab", "A-bucket", "-ab", "ab-", "a_b", "", String(repeating: "a", count: 64)])
  func bucketNamesFollowS3(text: String) {
    #expect(throws: InvalidName.self) { try BucketName(text) }
  }
}

@Suite struct IdentifierTests {
  @Test func identifiersReadBackTheSame() throws {
    let blob = BlobIDGenerator().next()
    #expect(BlobID(blob.description) == blob)
    let volume = VolumeID.make()
    #expect(VolumeID(volume.description) == volume)
    let node = NodeID.make()
    #expect(NodeID(node.description) == node)
    #expect(BlobID("xyz") == nil)
    #expect(BlobID(String(repeating: "g", count: 32)) == nil)
  }

  @Test func idsIncreaseEvenWhenTheClockStepsBack() {
    let milliseconds = Atomic<UInt64>(1_000_000)
    let generator = BlobIDGenerator { Timestamp(clampingMillisecondsSinceEpoch: milliseconds.load(ordering: .relaxed)) }
    var last = generator.next()
    for step in 0..<1000 {
      if step.isMultiple(of: 3) {
        milliseconds.subtract(50, ordering: .relaxed)
      } else {
        milliseconds.add(20, ordering: .relaxed)
      }
      let next = generator.next()
      #expect(next > last)
      last = next
    }
  }

  /// Such an id comes from a damaged record or catalog entry. Were it believed, there would be no greater one.
  @Test(arguments: [UInt64.max, UInt64.max - 1, (Timestamp.millisecondsMax + 1) << 16])
  func idsThatNoClockMadeAreNotFollowed(high: UInt64) {
    let generator = BlobIDGenerator()
    generator.observe(BlobID(high: high, low: 0))
    for _ in 0..<10 { #expect(generator.next().high < high) }
    #expect(BlobID(high: high, low: 0).createdAt.millisecondsSinceEpoch <= Timestamp.millisecondsMax)
  }

  @Test func timesFromOutsideAreInRange() {
    let last = Timestamp.millisecondsMax
    #expect(Timestamp(millisecondsSinceEpoch: last)?.millisecondsSinceEpoch == last)
    for milliseconds in [last + 1, 1 << 63, .max] {
      #expect(Timestamp(millisecondsSinceEpoch: milliseconds) == nil)
      #expect(Timestamp(clampingMillisecondsSinceEpoch: milliseconds).millisecondsSinceEpoch == last)
    }
    #expect(VolumeID(rawValue: .max).createdAt.millisecondsSinceEpoch == .max >> 22)
  }

  @Test func observedIDsAreExceeded() {
    let generator = BlobIDGenerator { Timestamp(clampingMillisecondsSinceEpoch: 5) }
    let foreign = BlobID(high: 99 << 16, low: .max)
    generator.observe(foreign)
    #expect(generator.next() > foreign)
  }
}
