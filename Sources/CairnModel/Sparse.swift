/// A value that has an empty form.
package protocol EmptyConstructible {
  /// The empty value.
  init()
}

extension Optional: EmptyConstructible {
  package init() { self = nil }
}

/// A value that is empty most of the time, kept behind one reference: what holds it stays small and cheap to copy.
///
/// Reading it is O(1); each change copies the value.
@propertyWrapper
package struct Sparse<Value: EmptyConstructible & Hashable & Sendable>: Hashable, Sendable {
  private final class Box: Sendable {
    let value: Value

    init(_ value: Value) {
      self.value = value
    }
  }

  /// nil for the empty value.
  private var box: Box?

  /// The empty value.
  package init() {}

  package var wrappedValue: Value {
    get { box?.value ?? Value() }
    set { box = newValue == Value() ? nil : Box(newValue) }
  }

  package static func == (left: Sparse, right: Sparse) -> Bool {
    left.box === right.box || left.box?.value == right.box?.value
  }

  package func hash(into hasher: inout Hasher) {
    hasher.combine(box?.value)
  }
}
