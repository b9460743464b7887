internal import CairnModel
internal import NIOCore

/// What comes out of a catalog is decoded here; where it can't be, the caller learns that it is not his fault.
extension StoredObject {
  init(catalogEntry bytes: ByteBuffer) throws(CatalogError) {
    do throws(FormatError) {
      try self.init(decoding: bytes)
    } catch {
      throw .format(error)
    }
  }
}

extension ObjectKey {
  init(catalogKey bytes: some Collection<UInt8>) throws(CatalogError) {
    do throws(InvalidName) {
      try self.init(utf8: bytes)
    } catch {
      throw .failed("it holds a name that can't be one: \(error)")
    }
  }
}

extension BucketName {
  init(catalogName bytes: [UInt8]) throws(CatalogError) {
    do throws(InvalidName) {
      try self.init(stored: String(decoding: bytes, as: UTF8.self))
    } catch {
      throw .failed("it holds a bucket whose name can't be one: \(error)")
    }
  }
}

extension Volume {
  init(id: VolumeID, catalogEntry bytes: ByteBuffer, state: State) throws(CatalogError) {
    do throws(FormatError) {
      try self.init(id: id, decoding: bytes, state: state)
    } catch {
      throw .format(error)
    }
  }
}

extension RegisteredNode {
  /// - Parameters:
  ///   - lastHeartbeat: milliseconds since 1970, by the catalog's clock.
  ///   - now: the same clock, now.
  ///   - departed: whether the node left in order.
  ///   - isDraining: whether it is to be emptied.
  init(
    catalogEntry bytes: ByteBuffer, lastHeartbeat: UInt64, now: UInt64, departed: Bool, isDraining: Bool
  ) throws(CatalogError) {
    do throws(FormatError) {
      guard let heartbeat = Timestamp(millisecondsSinceEpoch: lastHeartbeat) else {
        throw .outOfRange(what: "heartbeat", value: lastHeartbeat, max: Timestamp.millisecondsMax)
      }
      let age = now > lastHeartbeat ? now - lastHeartbeat : 0
      self.init(
        report: try NodeReport(decoding: bytes), lastHeartbeat: heartbeat,
        ageMilliseconds: departed ? CatalogLimits.departedAgeMilliseconds : age, isDraining: isDraining)
    } catch {
      throw .format(error)
    }
  }
}
