internal import CairnHTTP
internal import NIOCore
internal import NIOHTTP1

extension NativeAPI {
  static let bearer: StaticString = "bearer"

  /// `GET /openapi.json`: what this file's neighbours say of every route.
  func openAPI() -> HTTPResponse {
    HTTPResponse(json: { json in
      json.member("openapi", "3.0.3")
      json.key("info")
      json.object { json in
        json.member("title", "Cairn")
        json.member("version", identity.version)
        json.member("description", "A distributed blob store: its native API, and those of clients of other servers.")
      }
      json.key("paths")
      json.object { json in
        for template in RouteTemplate.allCases {
          json.key(dynamic: template.rawValue)
          json.object { $0.operations(of: template) }
        }
      }
      // Who asks for no keys may be asked without.
      json.key("security")
      json.array([[], [Self.bearer]]) { json, schemes in
        json.object { json in
          for scheme in schemes { json.member(scheme, [String]()) }
        }
      }
      json.key("components")
      json.object { json in
        json.key("securitySchemes")
        json.object { json in
          json.key(Self.bearer)
          json.object { json in
            json.member("type", "http")
            json.member("scheme", "bearer")
            json.member(
              "description",
              "ID:SECRET of an access key. A signature by AWS's version 4 for the service 'cairn' is taken, too.")
          }
        }
        json.key("schemas")
        json.object { json in
          for name in SchemaName.allCases {
            json.key(dynamic: name.rawValue)
            json.schema(name.schema)
          }
        }
      }
    })
  }
}

extension JSONText {
  fileprivate mutating func operations(of template: RouteTemplate) {
    let parameters = template.parameters
    for operation in template.operations.flatMap(\.withHead) {
      key(dynamic: operation.method.rawValue.lowercased())
      self.operation(operation, path: parameters, family: template.family)
    }
  }
}
