import CairnHTTP
import CairnModel
import CairnNodeClient
import CairnStorage
import NIOCore
import NIOHTTP1
import Testing

/// What a node makes of requests that no coordinator sends.
@Suite struct NodeAPITests {
  /// A request to a node, and the token that goes with it.
  private struct Probe: Sendable {
    var method = HTTPMethod.PUT
    var target: String
    var headers: HTTPHeaders = [:]
    var body: [ByteBuffer] = []

    /// What a coordinator would be given a token for.
    func subject(_ node: NodeID) -> NodeTokens.Request {
      let parts = target[...].split(separator: "?", maxSplits: 1)
      return NodeTokens.Request(
        node: node, method: method.rawValue, path: parts[0], query: parts.count > 1 ? parts[1] : "",
        bodyLength: UInt64(body.reduce(0) { $0 + $1.readableBytes }), range: headers.first(name: "range") ?? "")
    }

    /// Adds the headers that make it a request of a coordinator.
    func signed(
      for node: NodeID, with tokens: NodeTokens = NodeFixture.tokens, seconds: Int = 0, record: EncodedRecord? = nil
    ) -> Probe {
      let time = Timestamp(
        clampingMillisecondsSinceEpoch: UInt64(Int(Timestamp.now().secondsSinceEpoch) + seconds) * 1000)
      var probe = self
      probe.headers.add(name: NodeProtocol.nodeHeader, value: node.description)
      probe.headers.add(
        name: "Authorization",
        value: tokens.authorization(for: subject(node), recordPrefix: record?.prefix, at: time))
      return probe
    }
  }

  /// Sends a request and compares the status and the refusal of its answer.
  private func expect(
    _ expected: String, _ fixture: NodeFixture, _ probe: Probe, sourceLocation: SourceLocation = #_sourceLocation
  ) async throws {
    let answer = try await fixture.client.fetch(
      HTTPClientRequest(probe.method, probe.target, headers: probe.headers, body: probe.body),
      from: ListenAddress(host: "127.0.0.1", port: fixture.port), limit: 1 << 20)
    let refusal = answer.headers.first(name: NodeProtocol.refusalHeader) ?? "served"
    #expect("\(answer.status.code) \(refusal)" == expected, sourceLocation: sourceLocation)
  }

  @Test func onlyRequestsWithAValidTokenAreServed() async throws {
    try await NodeFixture.with(.http) { fixture in
      let node = fixture.store.node
      let probe = Probe(target: "/volumes/\(VolumeID.make())")
      var unsigned = probe
      unsigned.headers.add(name: NodeProtocol.nodeHeader, value: node.description)
      try await expect("403 unauthorized", fixture, unsigned)
      let stranger = NodeTokens(key: Array("another key".utf8))
      try await expect("403 unauthorized", fixture, probe.signed(for: node, with: stranger))
      try await expect("403 unauthorized", fixture, probe.signed(for: node, seconds: -302))
      try await expect("403 unauthorized", fixture, probe.signed(for: node, seconds: 310))
      try await expect("204 served", fixture, probe.signed(for: node, seconds: -290))
    }
  }

  @Test(arguments: ["18446744073709551615", "18446744073709552", "18446744073709551616", "-1", "", "x"])
  func numbersThatMeanNothingAreRefused(number: String) async throws {
    try await NodeFixture.with(.http) { fixture in
      let (node, volume) = (fixture.store.node, VolumeID.make())
      try await fixture.node.createVolume(volume)
      let path = NodeProtocol.recordsPath(volume)
      for (parameter, isAnyNumberFine) in [(NodeProtocol.sinceQuery, false), (NodeProtocol.fromQuery, true)] {
        let probe = Probe(method: .GET, target: "\(path)?\(parameter)=\(number)").signed(for: node)
        let expected = isAnyNumberFine && UInt64(number) != nil ? "200 served" : "400 malformed"
        try await expect(expected, fixture, probe)
      }
    }
  }

  @Test func twoAuthorizationHeadersAreRefused() async throws {
    try await NodeFixture.with(.http) { fixture in
      var probe = Probe(target: "/volumes/\(VolumeID.make())").signed(for: fixture.store.node)
      probe.headers.add(name: "authorization", value: "Cairn 1:00")
      try await expect("400 served", fixture, probe)
    }
  }

  private static let changes: [(name: String, change: @Sendable (inout Probe) -> Void)] = [
    ("method", { $0.method = .DELETE }),
    ("path", { $0.target = $0.target.replacing("/scrub", with: "/rewrite") }),
    ("query", { $0.target = $0.target.replacing("rate=1", with: "rate=0") }),
    ("query left out", { $0.target = $0.target.replacing("?rate=1", with: "") }),
    ("length of the body", { $0.body = [ByteBuffer(string: "x")] }),
    ("range", { $0.headers.add(name: "Range", value: "bytes=0-0") }),
    (
      "time",
      {
        let token = $0.headers.first(name: "authorization") ?? ""
        let seconds = token.dropFirst(6).prefix(10)
        $0.headers.replaceOrAdd(
          name: "authorization", value: token.replacing(seconds, with: "\((UInt64(seconds) ?? 0) + 1)"))
      }
    ),
  ]

  @Test func aRequestThatWasChangedUnderWayIsRefused() async throws {
    try await NodeFixture.with(.http) { fixture in
      let volume = VolumeID.make()
      try await fixture.node.createVolume(volume)
      let signed = Probe(method: .POST, target: NodeProtocol.scrubPath(volume) + "?rate=1").signed(
        for: fixture.store.node)
      try await expect("200 served", fixture, signed)
      for (_, change) in Self.changes {
        var changed = signed
        change(&changed)
        try await expect("403 unauthorized", fixture, changed)
      }
      #expect(fixture.store.volumes().count == 1)
    }
  }

  /// Append and restore alike: a record that is sound in itself, in the place of the one that the token was made for.
  @Test func anotherRecordThanTheTokensIsRefused() async throws {
    try await NodeFixture.with(.http) { fixture in
      let (node, volume, id) = (fixture.store.node, VolumeID.make(), BlobIDGenerator().next())
      try await fixture.node.createVolume(volume)
      func make(metadata: String, payload: String) throws -> EncodedRecord {
        try EncodedRecord(
          Record(
            kind: .chunk, blob: id, timestamp: Timestamp(nanosecondsSinceEpoch: 1),
            metadata: ByteBuffer(string: metadata), payload: ByteBuffer(string: payload)))
      }
      let record = try make(metadata: "mine", payload: "payload")
      for other in try [make(metadata: "nine", payload: "payload"), make(metadata: "mine", payload: "payloat")] {
        for (method, target) in [
          (HTTPMethod.POST, NodeProtocol.recordsPath(volume)),
          (.PUT, NodeProtocol.blobPath(BlobLocation(volume: volume, blob: id))),
        ] {
          var probe = Probe(method: method, target: target, body: [record.prefix, record.payload])
          probe = probe.signed(for: node, record: record)
          probe.body = [other.prefix, other.payload]
          try await expect("403 unauthorized", fixture, probe)
          // Without its second half the token is for no record at all.
          probe = Probe(method: method, target: target, body: [other.prefix, other.payload]).signed(for: node)
          try await expect("403 unauthorized", fixture, probe)
        }
      }
      #expect(fixture.store.volumes().map(\.blobCount) == [0])
      let good = Probe(method: .POST, target: NodeProtocol.recordsPath(volume), body: [record.prefix, record.payload])
      try await expect("204 served", fixture, good.signed(for: node, record: record))
      #expect(fixture.store.volumes().map(\.blobCount) == [1])
    }
  }

  @Test func anotherNodesRequestIsMisdirected() async throws {
    try await NodeFixture.with(.http) { fixture in
      let probe = Probe(target: "/volumes/\(VolumeID.make())")
      try await expect("421 wrong-node", fixture, probe.signed(for: NodeID.make()))
    }
  }

  @Test func damagedRecordsAreRefused() async throws {
    try await NodeFixture.with(.http) { fixture in
      let volume = VolumeID.make()
      try await fixture.node.createVolume(volume)
      let record = try fixture.record(ByteBuffer(string: "payload"))
      let probe = Probe(
        method: .POST, target: NodeProtocol.recordsPath(volume), body: [record.prefix, ByteBuffer(string: "Payload")])
      try await expect("400 malformed", fixture, probe.signed(for: fixture.store.node, record: record))
      #expect(fixture.store.volumes().map(\.blobCount) == [0])
    }
  }

  @Test func healthNeedsNoToken() async throws {
    try await NodeFixture.with(.http) { fixture in
      try await expect("200 served", fixture, Probe(method: .GET, target: "/health"))
      try await expect("200 served", fixture, Probe(method: .GET, target: "/ready"))
    }
  }
}
