internal import NIOHTTP1

/// What the fields of a request's head say about the connection and the body, read in one pass over them.
struct RequestFields {
  enum BodyLength: Equatable {
    case none
    case bytes(UInt64)
    /// Not one number.
    case malformed
  }

  enum TransferCoding: Equatable {
    case none
    case chunked
    /// Not `chunked` alone: the codings, as they stand in the request.
    case others(String)
  }

  private(set) var hostCount = 0
  private(set) var authorizationCount = 0
  private(set) var bodyLength = BodyLength.none
  private(set) var coding = TransferCoding.none
  private(set) var expectsContinue = false
  private(set) var asksForUpgrade = false
  /// Bytes of all names, values and what separates them.
  private(set) var bytes = 0
  private(set) var hasPaddedValues = false
  /// The name of a field that goes on in the next line.
  private(set) var foldedField: String?

  init(_ headers: HTTPHeaders) {
    for (name, value) in headers {
      bytes += name.utf8.count + value.utf8.count + 4
      switch FieldValueForm(value) {
      case .trimmed: break
      case .padded: hasPaddedValues = true
      case .folded: foldedField = name
      }
      read(name, value)
    }
  }

  /// Tells fields apart by the lengths of their names first: most are none of these.
  private mutating func read(_ name: String, _ value: String) {
    switch name.utf8.count {
    case 4 where name.isField("host"): hostCount += 1
    case 6 where name.isField("expect"):
      expectsContinue = Self.trimmed(value).lowercased() == "100-continue"
    case 7 where name.isField("upgrade"): asksForUpgrade = true
    case 13 where name.isField("authorization"): authorizationCount += 1
    case 14 where name.isField("content-length"):
      bodyLength = bodyLength == .none ? UInt64(Self.trimmed(value)).map { .bytes($0) } ?? .malformed : .malformed
    case 17 where name.isField("transfer-encoding"): add(coding: value)
    default: break
    }
  }

  private mutating func add(coding value: String) {
    switch coding {
    case .none: coding = Self.trimmed(value).lowercased() == "chunked" ? .chunked : .others(value)
    case .chunked: coding = .others("chunked, \(value)")
    case .others(let before): coding = .others("\(before), \(value)")
    }
  }

  /// Whether all of several codings are `chunked`.
  static func areAllChunked(_ codings: String) -> Bool {
    codings.split(separator: ",").allSatisfy { trimmed(String($0)).lowercased() == "chunked" }
  }

  private static func trimmed(_ value: String) -> String {
    guard FieldValueForm(value) == .padded else { return value }
    return value.trimmingBlanks()
  }
}
