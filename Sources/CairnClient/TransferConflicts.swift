package import CairnModel

/// Several files of one command that would end up as one.
package enum TransferConflicts {
  /// The first two sources of one target.
  ///
  /// - Parameter transfers: what is read, as people read it, and what it becomes.
  /// - Throws: ``ClientError/refused(_:)``, so that nothing is transferred: one of the two would be lost.
  package static func refuse(_ transfers: [(source: String, target: ByteText)]) throws(ClientError) {
    var sources: [ByteText: String] = [:]
    for (source, target) in transfers {
      guard let other = sources.updateValue(source, forKey: target) else { continue }
      throw .refused(
        "\(BlobClient.quoted(other)) and \(BlobClient.quoted(source)) would both become \(BlobClient.quoted(target)), so nothing was transferred: give one of them another name"
      )
    }
  }
}
