package import CairnModel
package import NIOCore

/// A record that was read, with both checksums verified.
package struct StoredBlob: Sendable {
  package enum Payload: Sendable {
    case bytes(ByteBuffer)
    case file(BlobFile)
  }

  package let header: RecordHeader
  /// What ``HeadRecord`` and ``Tombstone`` decode.
  package let metadata: ByteBuffer
  package let payload: Payload
}

/// What the page cache gave.
package enum CachedRead: Sendable {
  case found(StoredBlob)
  /// There is no such blob.
  case absent
  /// The disk must be asked.
  case wouldBlock
}
