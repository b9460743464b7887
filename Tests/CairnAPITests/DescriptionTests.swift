import NIOHTTP1
import Testing

@testable import CairnAPI

/// `/openapi.json` says what the routes do.
@Suite struct DescriptionTests {
  @Test(arguments: RouteTemplate.allCases) func describedPathsAreRoutedWithTheirMethods(template: RouteTemplate) throws
  {
    let words = template.rawValue.split(separator: "/").map { $0.hasPrefix("{") ? "1" : $0 }
    let route = try #require(NativeRoute(path: ("/" + words.joined(separator: "/"))[...]))
    #expect(route.template == template)
    let described = template.operations.flatMap(\.withHead).map(\.method.rawValue)
    #expect(described.sorted() == route.methods.map(\.rawValue).sorted())
  }

  @Test func operationsHaveDifferentIDs() {
    let ids = RouteTemplate.allCases.flatMap(\.operations).flatMap(\.withHead).map(\.id)
    #expect(Set(ids).count == ids.count)
  }

  @Test(arguments: RouteTemplate.allCases) func noAnswerIsDescribedTwice(template: RouteTemplate) {
    for operation in template.operations {
      let codes = operation.answers.map(\.status.code)
      #expect(Set(codes).count == codes.count, "\(operation.id)")
    }
  }
}
