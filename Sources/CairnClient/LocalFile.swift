internal import CLinux
package import Foundation
internal import Glibc

/// Files of this machine.
package enum LocalFile {
  /// Bytes read at once.
  private static let pieceLength = 256 << 10

  /// - Parameter lengthMax: a longer file is refused before more of it is read.
  package static func contents(_ path: String, lengthMax: Int) throws(ClientError) -> Data {
    let number = open(path, O_RDONLY | O_CLOEXEC)
    guard number >= 0 else { throw unreadable(path) }
    let descriptor = Descriptor(number)
    var contents = Data()
    var piece = [UInt8](repeating: 0, count: pieceLength)
    while true {
      let count = read(descriptor.number, &piece, piece.count)
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw unreadable(path) }
      guard count > 0 else { return contents }
      contents.append(contentsOf: piece[..<count])
      guard contents.count <= lengthMax else {
        throw .local("\(BlobClient.quoted(path)) has more than \(lengthMax) bytes: use `cairn put`")
      }
    }
  }

  /// Bytes of a file; 0 where there is none, which opening it will report.
  package static func size(_ path: String) -> UInt64 {
    var status = stat()
    return stat(path, &status) == 0 ? UInt64(clamping: status.st_size) : 0
  }

  private static func unreadable(_ path: String) -> ClientError {
    .local("\(BlobClient.quoted(path)) can't be read: \(systemReason())")
  }
}
