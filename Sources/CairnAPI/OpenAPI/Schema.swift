internal import CairnHTTP

/// What a JSON value or a text may be, as far as OpenAPI 3.0 can say it.
indirect enum Schema: Hashable, Sendable {
  /// - Parameters:
  ///   - pattern: a regular expression that it matches.
  ///   - length: in characters.
  case text(format: String? = nil, pattern: String? = nil, length: ClosedRange<Int>? = nil)
  /// One of these texts.
  case choice([String])
  case integer(ClosedRange<Int>)
  case number(min: Int, max: Int)
  case truth
  /// Bytes that are no JSON.
  case bytes
  case list(Schema)
  case record([Member])
  /// An object of which exactly one of these sets of members must be there.
  case alternatives([Member], [[String]])
  case nullable(Schema)
  /// At least one of them.
  case any([Schema])
  case named(SchemaName)

  struct Member: Hashable, Sendable {
    let name: String
    let schema: Schema
    let isRequired: Bool
  }

  static let plainText = text()
  /// A number of bytes or of things.
  static let count = integer(0...Int.max)
  static let time = text(format: "date-time")

  /// Exactly so many lower-case hexadecimal digits.
  static func hexadecimal(_ digits: Int) -> Schema { text(pattern: "^[0-9a-f]{\(digits)}$") }

  static func record(_ members: Member...) -> Schema { record(members) }
}

extension Schema.Member {
  static func always(_ name: String, _ schema: Schema) -> Self { .init(name: name, schema: schema, isRequired: true) }

  static func sometimes(_ name: String, _ schema: Schema) -> Self {
    .init(name: name, schema: schema, isRequired: false)
  }
}

extension JSONText {
  /// The value of what was begun with a key, or an element.
  mutating func schema(_ schema: Schema) {
    object { $0.members(of: schema) }
  }

  private mutating func members(of schema: Schema) {
    switch schema {
    case .text(let format, let pattern, let length):
      member("type", "string")
      if let format { member("format", format) }
      if let pattern { member("pattern", pattern) }
      if let length {
        member("minLength", length.lowerBound)
        member("maxLength", length.upperBound)
      }
    case .choice(let texts):
      member("type", "string")
      member("enum", texts)
    case .integer(let range):
      member("type", "integer")
      if range.upperBound > Int32.max { member("format", "int64") }
      member("minimum", range.lowerBound)
      if range.upperBound < Int.max { member("maximum", range.upperBound) }
    case .number(let min, let max):
      member("type", "number")
      member("minimum", min)
      member("maximum", max)
    case .truth: member("type", "boolean")
    case .bytes:
      member("type", "string")
      member("format", "binary")
    case .list(let element):
      member("type", "array")
      key("items")
      self.schema(element)
    case .record(let members): properties(members)
    case .alternatives(let members, let sets):
      properties(members)
      key("oneOf")
      array(sets) { json, set in json.object { $0.member("required", set) } }
    case .nullable(let schema):
      self.members(of: schema)
      member("nullable", true)
    case .any(let schemas):
      key("anyOf")
      array(schemas) { $0.schema($1) }
    case .named(let name): member("$ref", "#/components/schemas/\(name.rawValue)")
    }
  }

  private mutating func properties(_ members: [Schema.Member]) {
    member("type", "object")
    let required = members.filter(\.isRequired).map(\.name)
    if !required.isEmpty { member("required", required) }
    key("properties")
    object { json in
      for member in members {
        json.key(dynamic: member.name)
        json.schema(member.schema)
      }
    }
  }
}
