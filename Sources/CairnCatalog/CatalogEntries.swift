internal import CairnModel
internal import NIOCore

/// What comes out of a catalog is decoded here; where it can't be, the caller learns that it is not his fault.
///
/// An object is followed by a CRC-32C (little-endian) over its name and itself. So an entry that was damaged, or that is
/// another name's, is neither served nor taken for what may be thrown away.
extension StoredObject {
  func catalogEntry(of name: ObjectName) -> ByteBuffer {
    var bytes = encoded()
    bytes.writeInteger(Self.checksum(of: name, bytes), endianness: .little)
    return bytes
  }

  /// - Throws: ``CatalogError/damaged(_:)`` where the checksum is not that of this name and object.
  init(catalogEntry bytes: ByteBuffer, of name: ObjectName) throws(CatalogError) {
    var bytes = bytes
    guard let object = bytes.readSlice(length: max(bytes.readableBytes - MemoryLayout<UInt32>.size, 0)),
      bytes.readInteger(endianness: .little) == Self.checksum(of: name, object)
    else { throw .damaged(entryOf: name) }
    do throws(FormatError) {
      try self.init(decoding: object)
    } catch {
      throw .format(error)
    }
  }

  private static func checksum(of name: ObjectName, _ object: ByteBuffer) -> UInt32 {
    var crc = CRC32C()
    crc.update(name)
    withUnsafeBytes(of: UInt8(0)) { crc.update($0) }
    object.withUnsafeReadableBytes { crc.update($0) }
    return crc.value
  }
}

extension CatalogError {
  static func damaged(entryOf name: ObjectName) -> CatalogError {
    .damaged(
      "the entry of \("\(name.bucket.text)/\(name.key.text)".debugDescription) is damaged, or of an older Cairn: "
        + "rebuild the catalog with `cairn recover`")
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
