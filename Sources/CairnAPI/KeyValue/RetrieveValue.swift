internal import CairnHTTP
internal import CairnModel
internal import CairnNodeClient
internal import CairnObjects
internal import NIOCore
internal import NIOHTTP1

/// Learns how long a text is in JSON, and whether it is one. Used by one writer at a time.
private final class TextMeasure: ByteSink, @unchecked Sendable {
  struct NoText: Error {}

  private var utf8 = UTF8Validator()
  private(set) var length: UInt64 = 0

  func write(_ bytes: ByteBuffer) async throws {
    guard utf8.accept(bytes) else { throw NoText() }
    length += UInt64(JSONText.escapedLength(bytes))
  }

  func finish() throws {
    guard utf8.isComplete else { throw NoText() }
  }
}

extension NativeAPI {
  /// `GET /retrieve/{key}`: a text in JSON, escaped as it streams; null where there is none.
  func retrieve(_ encodedKey: Substring) async throws(APIError) -> HTTPResponse {
    let key = try NativeRoute.key(encodedKey)
    let found: StoredObject?
    do throws(ObjectError) { found = try await objects.object(ObjectName(key: key)) } catch { throw APIError(error) }
    guard let object = found else {
      return HTTPResponse(json: { json in
        json.member("key", key.text)
        json.member("value", nil)
      })
    }
    // The answer is that of a value without any text, with the text in its place.
    var head = JSONText()
    head.object { json in
      json.member("key", key.text)
      if let filename = object.attributes.originalFilename { json.member("filename", filename) }
      json.member("value", "")
    }
    var opening = head.buffer
    let closing = ByteBuffer(string: "\"}")
    opening.moveWriterIndex(to: opening.writerIndex - closing.readableBytes)
    let (content, length) = try await measure(object, key)
    return HTTPResponse(
      .ok, headers: ["Content-Type": "application/json"],
      body: .stream(length: length + UInt64(opening.readableBytes + closing.readableBytes)) {
        [objects, opening] writer in
        try await writer.write(opening)
        let content =
          if let content { content } else { try await objects.content(of: object, named: ObjectName(key: key)) }
        try await content.write(to: EncodingSink(writer) { JSONText.escaped($0) })
        try await writer.write(closing)
      })
  }

  /// Reads a value through before the answer is begun: what is not UTF-8 can't stand in JSON.
  ///
  /// - Returns: the content where it is in memory and need not be read again, and how many bytes its escaped text has.
  private func measure(
    _ object: StoredObject, _ key: ObjectKey
  ) async throws(APIError) -> (content: BlobContent?, length: UInt64) {
    let content: BlobContent
    do throws(ObjectError) { content = try await objects.content(of: object, named: ObjectName(key: key)) } catch {
      throw APIError(error)
    }
    let text = TextMeasure()
    do {
      try await content.write(to: text)
      try text.finish()
    } catch is TextMeasure.NoText {
      throw APIError(
        .unprocessableEntity,
        "The value of '\(key.text)' is not UTF-8 text: GET /blob/\(PercentCoding.encode(key.text)) gives its bytes")
    } catch let error as ObjectError {
      throw APIError(error)
    } catch {
      throw .unavailable("The value broke off: \(error)")
    }
    if case .bytes = content { return (content, text.length) }
    return (nil, text.length)
  }
}
