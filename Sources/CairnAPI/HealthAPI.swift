package import CairnCatalog
package import CairnHTTP
internal import NIOHTTP1

/// `/health` and `/ready` of a process that serves nothing else.
package struct HealthAPI: HTTPResponder {
  private let role: String
  private let version: String
  private let registry: any NodeRegistry

  package init(role: String, version: String, registry: any NodeRegistry) {
    self.role = role
    self.version = version
    self.registry = registry
  }

  package func respond(to request: HTTPRequest) async -> HTTPResponse {
    guard request.method == .GET || request.method == .HEAD else {
      return HTTPResponse(APIError(.methodNotAllowed, "Only GET and HEAD are allowed here"))
    }
    switch request.path {
    case "/health":
      return HTTPResponse(json: { json in
        json.member("status", "healthy")
        json.member("role", role)
        json.member("version", version)
      })
    case "/ready":
      do throws(CatalogError) { try await registry.ping() } catch {
        return HTTPResponse(.unavailable("\(error)"))
      }
      return HTTPResponse(json: { $0.member("status", "ready") })
    default:
      return HTTPResponse(APIError(.notFound, "Nothing is here but /health and /ready"))
    }
  }
}
