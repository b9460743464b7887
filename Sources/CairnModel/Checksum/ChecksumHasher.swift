internal import Crypto

/// A running checksum of any of the algorithms.
package struct ChecksumHasher {
  private enum State {
    case crc32(CRC32)
    case crc32c(CRC32C)
    case crc64nvme(CRC64NVME)
    case sha1(Insecure.SHA1)
    case sha256(SHA256)
  }

  package let algorithm: ChecksumAlgorithm
  private var state: State

  package init(_ algorithm: ChecksumAlgorithm) {
    self.algorithm = algorithm
    state =
      switch algorithm {
      case .crc32: .crc32(CRC32())
      case .crc32c: .crc32c(CRC32C())
      case .crc64nvme: .crc64nvme(CRC64NVME())
      case .sha1: .sha1(Insecure.SHA1())
      case .sha256: .sha256(SHA256())
      }
  }

  package mutating func update(_ bytes: UnsafeRawBufferPointer) {
    switch state {
    case .crc32(var crc):
      crc.update(bytes)
      state = .crc32(crc)
    case .crc32c(var crc):
      crc.update(bytes)
      state = .crc32c(crc)
    case .crc64nvme(var crc):
      crc.update(bytes)
      state = .crc64nvme(crc)
    case .sha1(var hash):
      hash.update(bufferPointer: bytes)
      state = .sha1(hash)
    case .sha256(var hash):
      hash.update(bufferPointer: bytes)
      state = .sha256(hash)
    }
  }

  /// The checksum of the bytes that went in so far, the highest byte first.
  package var value: Digest {
    switch state {
    case .crc32(let crc): Self.bytes(of: crc.value)
    case .crc32c(let crc): Self.bytes(of: crc.value)
    case .crc64nvme(let crc): Self.bytes(of: crc.value)
    case .sha1(let hash): hash.finalize().withUnsafeBytes { Digest($0) }
    case .sha256(let hash): hash.finalize().withUnsafeBytes { Digest($0) }
    }
  }

  /// The checksum of `bytes` alone.
  package static func checksum(_ algorithm: ChecksumAlgorithm, of bytes: some Sequence<UInt8>) -> Digest {
    var hasher = ChecksumHasher(algorithm)
    Array(bytes).withUnsafeBytes { hasher.update($0) }
    return hasher.value
  }

  private static func bytes(of value: some FixedWidthInteger) -> Digest {
    withUnsafeBytes(of: value.bigEndian) { Digest($0) }
  }
}

extension ChecksumHasher {
  /// The MD5 of `bytes`, which is no checksum that a client can choose.
  package static func md5(of bytes: [UInt8]) -> Digest {
    Insecure.MD5.hash(data: bytes).withUnsafeBytes { Digest($0) }
  }
}
