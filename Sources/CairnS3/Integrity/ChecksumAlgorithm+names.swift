package import CairnModel

extension ChecksumAlgorithm {
  /// As in `x-amz-sdk-checksum-algorithm` and in documents: there with the prefix `Checksum`.
  package var name: String {
    switch self {
    case .crc32: "CRC32"
    case .crc32c: "CRC32C"
    case .crc64nvme: "CRC64NVME"
    case .sha1: "SHA1"
    case .sha256: "SHA256"
    }
  }

  /// The header field, or trailer, that carries it.
  package var field: String { "x-amz-checksum-" + name.lowercased() }

  init?(name: String) {
    guard let found = Self.allCases.first(where: { $0.name == name.uppercased() }) else { return nil }
    self = found
  }

  init?(field: String) {
    guard let found = Self.allCases.first(where: { $0.field == field.lowercased() }) else { return nil }
    self = found
  }
}
