import CairnClient
import ArgumentParser
import CairnHTTP
import Testing

@testable import cairn

/// What an operator's commands read and print.
@Suite struct OperatorTextTests {
  private let ids = ["a1b2c3", "a1b9", "ff00"]

  @Test(arguments: [("f", "ff00"), ("FF0", "ff00"), ("a1b2", "a1b2c3"), ("a1b9", "a1b9")])
  func uniquePrefixNamesANode(prefix: String, id: String) throws {
    #expect(try NodePrefix.find(prefix, among: ids) == id)
  }

  @Test func aPrefixOfSeveralNodesIsRefusedWithTheirIDs() {
    let error = #expect(throws: ClientError.self) { try NodePrefix.find("a1", among: ids) }
    #expect(error == .refused("'a1' matches 2 nodes, give more digits: a1b2c3, a1b9"))
  }

  @Test func aPrefixOfNoNodeSaysWhereTheIDsAre() {
    let error = #expect(throws: ClientError.self) { try NodePrefix.find("b", among: ids) }
    #expect(error == .refused("No node's id starts with 'b': `cairn nodes` lists them"))
  }

  @Test(arguments: [
    ("http://127.0.0.1:8000", "127.0.0.1:8000", ""), ("http://cairn.example/", "cairn.example:80", ""),
    ("HTTP://[::1]:81", "[::1]:81", ""), ("http://proxy/cairn/", "proxy:80", "/cairn"),
  ])
  func serversAreURLs(text: String, address: String, path: String) throws {
    let server = try #require(ServerAddress(text))
    #expect(server.listen.description == address)
    #expect(server.path == path)
  }

  @Test(arguments: ["", "localhost:8000", "https://cairn.example", "http://", "http://a/?b", "ftp://a", "http://a b"])
  func otherTextsAreNoServers(text: String) {
    #expect(ServerAddress(text) == nil)
  }

  @Test func columnsAreAsWideAsTheirLongestWord() {
    var columns = Columns(["NAME": .left, "SIZE": .right, "NOTE": .left])
    columns.add(["long name", "1", ""])
    columns.add(["x", "1000", "two\nlines"])
    #expect(columns.text == "NAME       SIZE  NOTE\nlong name     1  -\nx          1000  two lines")
  }

  @Test(arguments: [
    (0, "0s"), (59, "59s"), (60, "1m 00s"), (3599, "59m 59s"), (7800, "2h 10m"), (356_400, "4d 03h"),
  ])
  func timesHaveTwoUnits(seconds: UInt64, text: String) {
    #expect(Amounts.time(seconds: seconds) == text)
  }

  @Test func amountsAreInGibibytes() {
    #expect(Amounts.gibibytes(3 << 29) == "1.5 GiB")
    #expect(Amounts.rate(5 << 19) == "2.5 MiB/s")
    #expect(Amounts.share(1, of: 3) == "33%")
    #expect(Amounts.share(0, of: 0) == "-")
  }

  @Test func aDrainTellsRateAndEstimate() {
    let start = ContinuousClock.now
    let progress = DrainProgress(volumes: 10, at: start)
    #expect(progress.line(volumes: 10, at: start) == "10 volumes left")
    #expect(
      progress.line(volumes: 4, at: start + .seconds(90)) == "4 volumes left, 4.0 a minute, done in about 1m 00s")
    #expect(progress.line(volumes: 1, at: start + .seconds(90))?.hasPrefix("1 volume left, ") == true)
    #expect(progress.line(volumes: 0, at: start + .seconds(90)) == nil)
    // Replicas may be made there by coordinators that don't know of the drain yet.
    #expect(progress.line(volumes: 11, at: start + .seconds(3)) == "11 volumes left")
  }

  @Test func aDrainThatCannotEndSaysWhatToDo() {
    #expect(DrainProgress.obstacle(nodesMissing: 0) == nil)
    #expect(DrainProgress.obstacle(nodesMissing: 1)?.contains("want 1 more node that takes") == true)
    #expect(DrainProgress.obstacle(nodesMissing: 2)?.contains("want 2 more nodes that take") == true)
  }

  @Test func aStatusShowsNodesVolumesAndWork() {
    let node = NodeAnswer(
      nodeId: "0123456789abcdef0123456789abcdef", address: "::1", port: 8001, zone: "attic", status: "draining",
      lastHeartbeat: "2026-11-21T12:00:00.000Z", capacity: 4 << 30, available: 3 << 30, volumeCount: 2, blobCount: 9,
      damagedCount: 3)
    let task = StatusAnswer.Task(
      key: "volume-1", kind: "replicate", state: "running", worker: "w", attempts: 2, lastError: "disk\u{1B}[2J",
      done: 1 << 29, total: 1 << 30, rate: 8 << 20, etaSeconds: 64, since: "2026-11-21T12:00:00.000Z")
    let answer = StatusAnswer(
      nodes: [node],
      volumes: .init(total: 6, open: 2, sealed: 4, healthy: 3, underReplicated: 1, atRisk: 2, unavailable: 0),
      repair: .init(waiting: 5, running: 1, retrying: 0, tasks: [task]))
    #expect(
      StatusText.status(answer) == """
        NODE          ADDRESS     ZONE   STATUS    LAST HEARTBEAT               USED  CAPACITY  FILL  VOLUMES  BLOBS
        0123456789ab  [::1]:8001  attic  draining  2026-11-21T12:00:00.000Z  1.0 GiB   4.0 GiB   25%        2      9

        volumes  6: 2 open, 4 sealed
        safety   3 healthy, 1 under-replicated, 2 at risk, 0 unavailable
        repair   1 running, 5 waiting, 0 to be tried again

        damage   3 on 0123456789ab

        TASK      KIND       STATE    WORKER  TRIES     DONE    TOTAL       RATE    LEFT  LAST ERROR
        volume-1  replicate  running  w           2  0.5 GiB  1.0 GiB  8.0 MiB/s  1m 04s  disk [2J
        """)
  }

  @Test(arguments: ["", "xyz", "../health", "0123456789abcdef0123456789abcdef0"])
  func whatIsNoIDIsAMistakeOfUsage(text: String) {
    #expect(throws: (any Error).self) { try Drain.parse([text]) }
  }
}
