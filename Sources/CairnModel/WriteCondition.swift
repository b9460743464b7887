/// What must be true for a write to take effect.
package enum WriteCondition: Hashable, Sendable {
  case always
  /// The name is free.
  case absent
  /// The current version is this one.
  case version(BlobID)
}
