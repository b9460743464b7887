package import CairnModel

/// Bytes of a log that are no intact record.
package struct DamagedRange: Hashable, Sendable {
  /// From the start of the log file, bytes.
  package let offset: UInt64
  package let length: UInt64
  /// Whose record it was, where the header still says so.
  package let blob: BlobID?
  package let error: FormatError
}
