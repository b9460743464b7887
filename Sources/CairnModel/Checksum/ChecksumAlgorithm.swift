/// A checksum that a client may ask for besides those that Cairn makes of everything.
package enum ChecksumAlgorithm: UInt8, Hashable, Sendable, CaseIterable {
  case crc32 = 1
  case crc32c = 2
  case crc64nvme = 3
  case sha1 = 4
  case sha256 = 5

  /// Bytes of a checksum.
  package var length: Int {
    switch self {
    case .crc32, .crc32c: 4
    case .crc64nvme: 8
    case .sha1: 20
    case .sha256: 32
    }
  }

  /// nil where the checksum of a whole can't be had from those of its parts.
  package var polynomial: CRCPolynomial? {
    switch self {
    case .crc32: .crc32
    case .crc32c: .crc32C
    case .crc64nvme: .crc64NVME
    case .sha1, .sha256: nil
    }
  }

  /// The checksum of a whole from those of its parts; nil for an algorithm that has none, and for a value that is none.
  ///
  /// - Parameter parts: checksum and bytes of each, in order.
  package func combine(_ parts: some Sequence<(value: Digest, size: UInt64)>) -> Digest? {
    guard let polynomial else { return nil }
    var whole: UInt64 = 0
    for part in parts {
      guard part.value.bytes.count == length else { return nil }
      let value = part.value.bytes.reduce(0) { $0 << 8 | UInt64($1) }
      whole = polynomial.combine(whole, value, count: part.size)
    }
    return Digest((0..<length).reversed().map { UInt8(truncatingIfNeeded: whole >> UInt64($0 * 8)) })
  }
}

/// The checksum of an object, by an algorithm of its writer's choice.
package struct ObjectChecksum: Hashable, Sendable {
  package enum Kind: UInt8, Hashable, Sendable {
    /// Of all its bytes.
    case fullObject = 0
    /// Of the checksums of its parts.
    case composite = 1
  }

  package var algorithm: ChecksumAlgorithm
  package var kind: Kind
  package var value: Digest

  package init(algorithm: ChecksumAlgorithm, kind: Kind = .fullObject, value: Digest) {
    self.algorithm = algorithm
    self.kind = kind
    self.value = value
  }
}
