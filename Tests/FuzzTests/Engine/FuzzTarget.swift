/// A parser of bytes from outside, and what must hold whatever it is given.
struct FuzzTarget: Sendable {
  /// Of the target and of its folder in `Corpus/`.
  let name: String
  /// Valid inputs to start from.
  let seeds: @Sendable () throws -> [[UInt8]]
  /// Throws ``BrokenProperty``. A parser's own errors are caught here: to refuse an input is right.
  let check: @Sendable (FuzzInput) throws -> Void

  init(
    _ name: String, seeds: @autoclosure @escaping @Sendable () throws -> [[UInt8]],
    _ check: @escaping @Sendable (FuzzInput) throws -> Void
  ) {
    self.name = name
    self.seeds = seeds
    self.check = check
  }

  /// A target whose inputs are text.
  init(
    _ name: String, texts: [String], _ check: @escaping @Sendable (FuzzInput) throws -> Void
  ) {
    self.init(name, seeds: texts.map { Array($0.utf8) }, check)
  }

  /// Bytes of an input: longer than each limit that parsers keep on heads, names and lines.
  static let inputLengthMax = 96 << 10
}

/// Something about a parser is not as it must be.
struct BrokenProperty: Error, CustomStringConvertible {
  let description: String
}

/// Throws where a property does not hold.
func require(_ holds: Bool, _ property: @autoclosure () -> String) throws {
  guard holds else { throw BrokenProperty(description: property()) }
}

/// Throws where two ways to a result differ.
func requireEqual<Value: Equatable>(_ first: Value, _ second: Value, _ property: @autoclosure () -> String) throws {
  guard first != second else { return }
  throw BrokenProperty(
    description: "\(property()): \(String(describing: first).prefix(300)) and \(String(describing: second).prefix(300))"
  )
}

/// What a parser makes of an input; nil where it refuses it.
func accepted<Value>(_ parse: () throws -> Value) -> Value? {
  try? parse()
}
