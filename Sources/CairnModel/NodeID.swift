/// The persistent identity of a storage node: 128 random bits, made once and kept on the node's disk.
package struct NodeID: Hashable, Sendable {
  package let bits: BlobID

  private init(bits: BlobID) {
    self.bits = bits
  }

  package static func make() -> NodeID {
    NodeID(bits: BlobID(high: .random(in: .min ... .max), low: .random(in: .min ... .max)))
  }
}

extension NodeID: Comparable {
  package static func < (left: NodeID, right: NodeID) -> Bool { left.bits < right.bits }
}

extension NodeID: CustomStringConvertible, LosslessStringConvertible {
  /// 32 lower-case hexadecimal digits.
  package var description: String { bits.description }

  /// Accepts exactly what ``description`` produces.
  package init?(_ description: some StringProtocol) {
    guard let bits = BlobID(description) else { return nil }
    self.init(bits: bits)
  }
}
