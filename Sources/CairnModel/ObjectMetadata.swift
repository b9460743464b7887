/// What a client says of an object besides its bytes and their type, to be told again with them.
package struct ObjectMetadata: Hashable, Sendable {
  /// Header fields of answers that are kept as they were sent.
  package enum SystemHeader: UInt8, CaseIterable, Sendable {
    case cacheControl = 1
    case contentDisposition = 2
    case contentEncoding = 3
    case contentLanguage = 4
    case expires = 5
  }

  /// A name with its value.
  package struct Pair: Hashable, Sendable {
    package var name: String
    package var value: String

    package init(_ name: String, _ value: String) {
      self.name = name
      self.value = value
    }
  }

  private struct Fields: EmptyConstructible, Hashable, Sendable {
    var headers: [SystemHeader: String] = [:]
    var user: [Pair] = []
    var tags: [Pair] = []
    var access: PublicAccess?
    var storageClass: String?
  }

  @Sparse private var fields: Fields

  package init() {}

  package var isEmpty: Bool { _fields.isEmpty }

  package var headers: [SystemHeader: String] {
    get { fields.headers }
    set { fields.headers = newValue }
  }

  /// What the client named itself, names in lower case, in their order.
  package var user: [Pair] {
    get { fields.user }
    set { fields.user = newValue }
  }

  /// Labels, in their order.
  package var tags: [Pair] {
    get { fields.tags }
    set { fields.tags = newValue }
  }

  /// Who besides the owner may read; nil where nobody said.
  package var access: PublicAccess? {
    get { fields.access }
    set { fields.access = newValue }
  }

  /// What the client called the class of storage; nil for the usual one.
  package var storageClass: String? {
    get { fields.storageClass }
    set { fields.storageClass = newValue }
  }

  /// The value of a field that the client named itself.
  package subscript(user name: String) -> String? {
    user.first { $0.name == name }?.value
  }
}

/// What anybody may do who has no key.
package enum PublicAccess: UInt8, Hashable, Sendable {
  case none = 0
  case read = 1
}
