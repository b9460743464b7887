internal import CairnHTTP
internal import CairnModel
internal import CairnObjects
internal import NIOCore
internal import NIOHTTP1

/// The named values that a request's body must or may have.
struct WantedFields {
  /// Names the object.
  var key: String
  /// Its bytes.
  var content: String
  /// Short texts that may be missing.
  var others: Set<String> = []
}

/// What a body of named values said. The object must be committed or discarded.
struct StagedFields {
  let key: ObjectKey
  let others: [String: String]
  let object: StagedObject
}

extension NativeAPI {
  /// Bytes of a content that is held in memory until its body has ended, however slowly; beyond, it goes to disk first.
  private static let heldBytesMax = 1 << 20
  /// Bytes of a short text.
  private static let textBytesMax = ObjectKey.lengthMax

  /// - Throws: 413 for a body that is announced to be larger.
  func fieldReader(
    _ request: HTTPRequest, _ parser: any FieldParser, bytesMax: UInt64
  ) throws(APIError) -> FieldReader {
    if let length = request.contentLength, length > bytesMax {
      throw APIError(readingBody: FieldError.tooLong(limit: bytesMax))
    }
    return FieldReader(request.body, parser, bytesMax: bytesMax)
  }

  /// Reads a body to its end, its fields in any order, and stages its content.
  ///
  /// - Parameters:
  ///   - source: the bytes of the content, when it is the reader's current field.
  ///   - rule: to reject a taken name refuses it as soon as it is known; else the commit decides.
  func stage(
    _ reader: FieldReader, _ wanted: WantedFields, from source: BodySource, replicas: Int?,
    onConflict rule: ConflictRule
  ) async throws(APIError) -> StagedFields {
    var key: ObjectKey?
    var texts: [String: String] = [:]
    var object: StagedObject?
    do throws(APIError) {
      while let (name, kind) = try await next(reader) {
        let isContent = name == wanted.content
        let isOptional = wanted.others.contains(name)
        guard isContent || isOptional || name == wanted.key, !(isOptional && kind == .null) else { continue }
        guard kind == .text else { throw APIError(.badRequest, "The field '\(name)' must be a text") }
        guard isContent ? object == nil : isOptional ? texts[name] == nil : key == nil else {
          throw APIError(.badRequest, "The field '\(name)' is given twice")
        }
        if isContent {
          object = try await stage(source, replicas)
        } else if isOptional {
          texts[name] = try await text(of: name, reader.nextBytes)
        } else {
          key = try await freeKey(text(of: name, reader.nextBytes), rule)
        }
      }
      guard let key else { throw Self.missing(wanted.key) }
      guard let object else { throw Self.missing(wanted.content) }
      return StagedFields(key: key, others: texts, object: object)
    } catch {
      if let object { objects.discard(object) }
      throw error
    }
  }

  /// The key that a text is, unless it is taken and that is to be rejected.
  private func freeKey(_ text: String, _ rule: ConflictRule) async throws(APIError) -> ObjectKey {
    let key: ObjectKey
    do throws(InvalidName) { key = try ObjectKey(text) } catch { throw APIError(error) }
    do throws(ObjectError) { try await objects.refuseTaken(ObjectName(key: key), rule) } catch { throw APIError(error) }
    return key
  }

  /// Reads a short text to its end.
  func text(of field: String, _ next: () async throws -> ByteBuffer?) async throws(APIError) -> String {
    var bytes: [UInt8] = []
    do {
      while let piece = try await next() {
        guard bytes.count + piece.readableBytes <= Self.textBytesMax else {
          throw APIError(.badRequest, "The field '\(field)' has more than \(Self.textBytesMax) bytes")
        }
        bytes += piece.readableBytesView
      }
    } catch {
      throw APIError(readingBody: error)
    }
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw APIError(.badRequest, "The field '\(field)' is not valid UTF-8")
    }
    return text
  }

  private func next(_ reader: FieldReader) async throws(APIError) -> (name: String, kind: FieldKind)? {
    do { return try await reader.nextField() } catch { throw APIError(readingBody: error) }
  }

  private func stage(_ source: BodySource, _ replicas: Int?) async throws(APIError) -> StagedObject {
    do throws(ObjectError) {
      return try await objects.stage(source, inlineMax: Self.heldBytesMax, replicas: replicas)
    } catch {
      throw APIError(error)
    }
  }

  private static func missing(_ field: String) -> APIError {
    APIError(.badRequest, "The body has no field '\(field)'")
  }
}
