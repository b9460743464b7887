import CairnCatalog
import CairnModel
import CairnTestSupport
import Testing

/// What both catalogs promise to an operator who takes nodes away.
@Suite struct NodeContractTests {
  @Test(arguments: Implementation.allCases)
  func aNodeDrainsUntilTheOperatorSaysOtherwise(_ implementation: Implementation) async throws {
    try await withCatalog(implementation) { fixture in
      let catalog = fixture.catalog
      let (node, other) = (NodeID.make(), NodeID.make())
      #expect(try await catalog.setDraining(node, true) == false)
      for node in [node, other] {
        _ = try await catalog.heartbeat(report(node), timeout: .seconds(90), takeOver: false)
      }
      #expect(try await catalog.nodes().allSatisfy { !$0.isDraining }, "an unknown node can't be set draining")
      for _ in 1...2 { #expect(try await catalog.setDraining(node, true)) }
      #expect(try await draining(catalog) == [node])
      // Neither its heartbeats, nor its end and its next life change that.
      _ = try await catalog.heartbeat(report(node), timeout: .seconds(90), takeOver: false)
      let second = try await catalog.heartbeat(report(node, incarnation: 2), timeout: .seconds(90), takeOver: false)
      guard case .duplicate(let known) = second else {
        Issue.record("a second incarnation was accepted")
        return
      }
      #expect(known.isDraining)
      try await catalog.leave(node, incarnation: 1)
      _ = try await catalog.heartbeat(report(node, incarnation: 2), timeout: .seconds(90), takeOver: false)
      #expect(try await draining(catalog) == [node])
      for _ in 1...2 { #expect(try await catalog.setDraining(node, false)) }
      #expect(try await draining(catalog).isEmpty)
      #expect(try await catalog.nodes().count == 2)
    }
  }

  @Test(arguments: Implementation.allCases)
  func aForgottenNodeIsUnknownAndNewWhenItComesBack(_ implementation: Implementation) async throws {
    try await withCatalog(implementation) { fixture in
      let catalog = fixture.catalog
      let (node, other) = (NodeID.make(), NodeID.make())
      #expect(try await catalog.forget(node) == false)
      for node in [node, other] {
        _ = try await catalog.heartbeat(report(node), timeout: .seconds(90), takeOver: false)
        try await catalog.setDraining(node, true)
      }
      #expect(try await catalog.forget(node))
      #expect(try await catalog.forget(node) == false)
      #expect(try await catalog.nodes().map(\.report.node) == [other])
      #expect(try await draining(catalog) == [other])
      // Nobody holds its id any more.
      let outcome = try await catalog.heartbeat(report(node, incarnation: 2), timeout: .seconds(90), takeOver: false)
      #expect(outcome == .accepted)
      #expect(try await catalog.nodes().count == 2)
      #expect(try await draining(catalog) == [other])
    }
  }

  private func draining(_ catalog: any NodeRegistry) async throws -> [NodeID] {
    try await catalog.nodes().filter(\.isDraining).map(\.report.node)
  }
}
