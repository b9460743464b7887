import CYAML

/// A value of a YAML document: as much of YAML as configuration files need.
struct YAMLValue: Equatable {
  enum Content: Equatable {
    case scalar(String)
    case list([YAMLValue])
    /// In the order of the file; no key comes twice.
    case map([Entry])
  }

  struct Entry: Equatable {
    let key: String
    /// Where the key stands.
    let line: Int
    let value: YAMLValue
  }

  let content: Content
  /// Where it begins, counted from 1.
  let line: Int

  /// What it is, for people.
  var kind: String {
    switch content {
    case .scalar: "a text"
    case .list: "a list"
    case .map: "a mapping"
    }
  }
}

/// Why a text is no YAML document, or none that is allowed.
struct YAMLError: Error, Equatable {
  let line: Int
  let reason: String
}

extension YAMLValue {
  /// Values within values. People's files have five; more only costs stack.
  static let depthMax = 16

  /// Reads a document.
  ///
  /// Anchors and aliases are refused: with them a short text can stand for a value of any size.
  /// - Throws: ``YAMLError``.
  init(document text: [UInt8]) throws(YAMLError) {
    var parser = try YAMLParser(text)
    defer { parser.close() }
    self = try parser.document()
  }
}

/// libyaml's parser over bytes that it has a copy of.
private struct YAMLParser {
  /// At one address from first to last: libyaml keeps pointers into it.
  private let parser: UnsafeMutablePointer<yaml_parser_t>
  private let text: UnsafeMutableBufferPointer<UInt8>

  /// An event without what libyaml allocated for it.
  private enum Event {
    case scalar(String)
    case listStart, listEnd, mapStart, mapEnd
    case documentStart, documentEnd
    case streamStart, streamEnd
    case alias
  }

  init(_ bytes: [UInt8]) throws(YAMLError) {
    parser = .allocate(capacity: 1)
    guard yaml_parser_initialize(parser) == 1 else {
      parser.deallocate()
      throw YAMLError(line: 1, reason: "there is no memory to read it")
    }
    text = .allocate(capacity: bytes.count)
    _ = text.initialize(from: bytes)
    yaml_parser_set_input_string(parser, text.baseAddress, bytes.count)
  }

  func close() {
    yaml_parser_delete(parser)
    parser.deallocate()
    text.deallocate()
  }

  mutating func document() throws(YAMLError) -> YAMLValue {
    _ = try next()
    let (first, line) = try next()
    guard case .documentStart = first else { throw YAMLError(line: line, reason: "it is empty") }
    let value = try self.value(try next(), depth: 1)
    _ = try next()
    let (last, end) = try next()
    guard case .streamEnd = last else { throw YAMLError(line: end, reason: "a second document begins here") }
    return value
  }

  private func value(_ start: (event: Event, line: Int), depth: Int) throws(YAMLError) -> YAMLValue {
    guard depth <= YAMLValue.depthMax else {
      throw YAMLError(line: start.line, reason: "values are nested deeper than \(YAMLValue.depthMax)")
    }
    switch start.event {
    case .scalar(let text): return YAMLValue(content: .scalar(text), line: start.line)
    case .listStart: return YAMLValue(content: .list(try list(depth: depth)), line: start.line)
    case .mapStart: return YAMLValue(content: .map(try map(depth: depth)), line: start.line)
    case .alias: throw YAMLError(line: start.line, reason: "aliases (*NAME) are not allowed")
    default: throw YAMLError(line: start.line, reason: "a value is missing")
    }
  }

  private func list(depth: Int) throws(YAMLError) -> [YAMLValue] {
    var values: [YAMLValue] = []
    while true {
      let next = try self.next()
      if case .listEnd = next.event { return values }
      values.append(try value(next, depth: depth + 1))
    }
  }

  private func map(depth: Int) throws(YAMLError) -> [YAMLValue.Entry] {
    var entries: [YAMLValue.Entry] = []
    var keys: Set<String> = []
    while true {
      let next = try self.next()
      if case .mapEnd = next.event { return entries }
      guard case .scalar(let key) = next.event else { throw YAMLError(line: next.line, reason: "a key must be a text") }
      guard keys.insert(key).inserted else { throw YAMLError(line: next.line, reason: "the key '\(key)' comes twice") }
      entries.append(.init(key: key, line: next.line, value: try value(try self.next(), depth: depth + 1)))
    }
  }

  private func next() throws(YAMLError) -> (event: Event, line: Int) {
    var event = yaml_event_t()
    guard yaml_parser_parse(parser, &event) == 1 else {
      let reason = parser.pointee.problem.map { String(cString: $0) } ?? "it can't be read"
      throw YAMLError(line: Int(parser.pointee.problem_mark.line) + 1, reason: reason)
    }
    defer { yaml_event_delete(&event) }
    let line = Int(event.start_mark.line) + 1
    switch event.type {
    case YAML_SCALAR_EVENT:
      let bytes = UnsafeBufferPointer(start: event.data.scalar.value, count: event.data.scalar.length)
      return (.scalar(String(decoding: bytes, as: UTF8.self)), line)
    case YAML_SEQUENCE_START_EVENT: return (.listStart, line)
    case YAML_SEQUENCE_END_EVENT: return (.listEnd, line)
    case YAML_MAPPING_START_EVENT: return (.mapStart, line)
    case YAML_MAPPING_END_EVENT: return (.mapEnd, line)
    case YAML_DOCUMENT_START_EVENT: return (.documentStart, line)
    case YAML_DOCUMENT_END_EVENT: return (.documentEnd, line)
    case YAML_STREAM_START_EVENT: return (.streamStart, line)
    case YAML_ALIAS_EVENT: return (.alias, line)
    default: return (.streamEnd, line)
    }
  }
}
