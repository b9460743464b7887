package import CairnModel

/// What a catalog holds as a whole, which no request asks for: what moving it to another store needs besides.
package protocol CatalogContents: Sendable {
  /// Every bucket that has objects, in order.
  func buckets() async throws(CatalogError) -> [BucketName]

  /// A page of the deletions that are remembered, in no certain order; one may come twice.
  ///
  /// - Parameters:
  ///   - cursor: of the page before; nil for the first.
  ///   - limit: about how many.
  func deletions(after cursor: DeletionPage.Cursor?, limit: Int) async throws(CatalogError) -> DeletionPage
}

package struct DeletionPage: Sendable {
  /// A name that was deleted not longer than ``CatalogLimits/deletionMemory`` ago. It may have been put anew since.
  package struct Entry: Hashable, Sendable {
    package var name: ObjectName
    /// What it was.
    package var object: StoredObject
    package var tombstone: BlobID
  }

  /// Where a page ended, in the catalog's own words.
  package struct Cursor: Hashable, Sendable {
    let bytes: [UInt8]
  }

  package var entries: [Entry]
  /// nil when this page is the last.
  package var next: Cursor?
}
