package import NIOCore

/// Undoes the encoding that a part of a form names in `Content-Transfer-Encoding` (RFC 2045, section 6).
///
/// RFC 7578 deprecates the field for forms, but some clients send it, and the bytes mean nothing without it.
package enum TransferDecoder {
  /// The bytes are what they are.
  case identity
  case base64(Base64Decoder)
  case quotedPrintable(QuotedPrintableDecoder)

  package enum Failure: Error, Hashable, CustomStringConvertible {
    case unknown(String)
    case base64(Base64Error)
    case quotedPrintable(QuotedPrintableDecoder.Failure)

    package var description: String {
      switch self {
      case .unknown(let name):
        "a part's Content-Transfer-Encoding is '\(name)': 7bit, 8bit, binary, base64 and quoted-printable are supported"
      case .base64(let error): "\(error)"
      case .quotedPrintable(let error): "\(error)"
      }
    }
  }

  /// - Parameter header: the value of the field; nil where a part has none.
  package init(header: ByteBuffer?) throws(Failure) {
    guard let header else {
      self = .identity
      return
    }
    let name = String(decoding: header.readableBytesView.prefix(Self.nameLengthMax), as: UTF8.self)
    let trimmed = name.drop { $0 == " " || $0 == "\t" }.prefix { $0 != " " && $0 != "\t" && $0 != ";" }
    switch trimmed.lowercased() {
    case "", "7bit", "8bit", "binary": self = .identity
    case "base64": self = .base64(Base64Decoder())
    case "quoted-printable": self = .quotedPrintable(QuotedPrintableDecoder())
    default: throw .unknown(name)
    }
  }

  /// Bytes of a name that an error repeats; all known ones are shorter.
  private static let nameLengthMax = 64

  /// The bytes that are known with this piece.
  package mutating func decode(_ piece: ByteBuffer) throws(Failure) -> ByteBuffer {
    switch self {
    case .identity: return piece
    case .base64(var decoder):
      defer { self = .base64(decoder) }
      do throws(Base64Error) { return try decoder.decode(piece) } catch { throw .base64(error) }
    case .quotedPrintable(var decoder):
      defer { self = .quotedPrintable(decoder) }
      do throws(QuotedPrintableDecoder.Failure) { return try decoder.decode(piece) } catch {
        throw .quotedPrintable(error)
      }
    }
  }

  /// The part has come to its end.
  package func finish() throws(Failure) {
    switch self {
    case .identity: break
    case .base64(let decoder): do throws(Base64Error) { try decoder.finish() } catch { throw .base64(error) }
    case .quotedPrintable(let decoder):
      do throws(QuotedPrintableDecoder.Failure) { try decoder.finish() } catch { throw .quotedPrintable(error) }
    }
  }
}
