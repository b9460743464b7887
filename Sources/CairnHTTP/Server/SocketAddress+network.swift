internal import NIOCore

extension SocketAddress {
  // Where the address is in the system's structures, which are the same everywhere: behind family and port, and in the
  // longer one behind the flow too.
  private static let addressOfV4 = 4..<8
  private static let addressOfV6 = 8..<24

  /// Whom an address stands for when senders are counted: for IPv4 the address, for IPv6 its upper half, because one
  /// machine has all of the other half. An IPv4 address that is written as one of IPv6 stands for the same sender.
  var network: String {
    switch self {
    case .v4(let address): return withUnsafeBytes(of: address.address) { Self.digits($0[Self.addressOfV4]) }
    case .v6(let address):
      return withUnsafeBytes(of: address.address) { bytes in
        let bytes = UnsafeRawBufferPointer(rebasing: bytes[Self.addressOfV6])
        let isMapped = bytes.prefix(10).allSatisfy { $0 == 0 } && bytes[10] == 0xFF && bytes[11] == 0xFF
        return Self.digits(isMapped ? bytes[12...] : bytes[..<8])
      }
    case .unixDomainSocket: return ""
    }
  }

  private static func digits(_ bytes: Slice<UnsafeRawBufferPointer>) -> String {
    bytes.map { String($0, radix: 16) }.joined(separator: ".")
  }
}
