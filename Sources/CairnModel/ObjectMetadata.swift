/// What a client says of an object besides its bytes and their type, to be told again with them.
package struct ObjectMetadata: EmptyConstructible, Hashable, Sendable {
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

  package var headers: [SystemHeader: String] = [:]
  /// What the client named itself, names in lower case, in their order.
  package var user: [Pair] = []
  /// Labels, in their order.
  package var tags: [Pair] = []
  /// Who besides the owner may read; nil where nobody said.
  package var access: PublicAccess?
  /// What the client called the class of storage; nil for the usual one.
  package var storageClass: String?

  package init() {}

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
