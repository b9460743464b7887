internal import Foundation

/// Where a list goes on, as clients hand it back. Nothing in it is secret; that it means nothing to them keeps it free
/// to change.
struct ContinuationToken: Hashable, Sendable {
  private static let formatVersion: UInt8 = 1

  let startAfter: String

  init(startAfter: String) {
    self.startAfter = startAfter
  }

  /// - Throws: `InvalidArgument`.
  init(_ text: String) throws(S3Error) {
    guard let bytes = Data(base64Encoded: text), bytes.first == Self.formatVersion,
      let startAfter = String(validating: bytes.dropFirst(), as: UTF8.self)
    else {
      throw .invalidArgument("continuation-token", text, "The continuation token provided is incorrect")
    }
    self.startAfter = startAfter
  }

  var text: String { (Data([Self.formatVersion]) + Data(startAfter.utf8)).base64EncodedString() }
}
