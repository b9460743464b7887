internal import CHiredis
internal import NIOCore

/// Why the bytes of a connection can't be understood.
struct RedisProtocolError: Error, Hashable, CustomStringConvertible {
  let description: String
}

/// Takes bytes as they come and gives whole replies: hiredis's parser, with a bound.
final class RedisReplyReader {
  private let reader: UnsafeMutablePointer<redisReader>
  private let replyLengthMax: Int
  /// Bytes that came since the last reply was whole.
  private var unfinished = 0

  init(replyLengthMax: Int = RedisLimits.replyLengthMax) {
    guard let reader = redisReaderCreate() else { preconditionFailure("out of memory for a Redis reader") }
    self.reader = reader
    self.replyLengthMax = replyLengthMax
  }

  deinit {
    redisReaderFree(reader)
  }

  /// Copies `bytes` in. O(bytes).
  func feed(_ bytes: ByteBuffer) throws(RedisProtocolError) {
    let code = bytes.withUnsafeReadableBytes { bytes in
      redisReaderFeed(reader, bytes.baseAddress?.assumingMemoryBound(to: CChar.self), bytes.count)
    }
    guard code == REDIS_OK else { throw failure }
    unfinished += bytes.readableBytes
  }

  /// The next whole reply, nil until more bytes come.
  func next() throws(RedisProtocolError) -> RedisReply? {
    var object: UnsafeMutableRawPointer?
    guard redisReaderGetReply(reader, &object) == REDIS_OK else { throw failure }
    guard let object else {
      guard unfinished <= replyLengthMax else {
        throw RedisProtocolError(description: "a reply exceeds \(replyLengthMax) bytes")
      }
      return nil
    }
    defer { freeReplyObject(object) }
    unfinished = 0
    return try RedisReply(object.assumingMemoryBound(to: redisReply.self).pointee)
  }

  private var failure: RedisProtocolError {
    let text = withUnsafeBytes(of: reader.pointee.errstr) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    return RedisProtocolError(description: text.isEmpty ? "the reply can't be parsed" : text)
  }
}

extension RedisReply {
  fileprivate init(_ reply: redisReply) throws(RedisProtocolError) {
    switch reply.type {
    case REDIS_REPLY_STRING: self = .bytes(ByteBuffer(bytes: reply.bytes))
    case REDIS_REPLY_STATUS: self = .status(String(decoding: reply.bytes, as: UTF8.self))
    case REDIS_REPLY_ERROR: self = .error(RedisErrorReply(text: String(decoding: reply.bytes, as: UTF8.self)))
    case REDIS_REPLY_INTEGER: self = .integer(reply.integer)
    case REDIS_REPLY_NIL: self = .null
    case REDIS_REPLY_ARRAY:
      var elements: [RedisReply] = []
      elements.reserveCapacity(Int(reply.elements))
      for index in 0..<Int(reply.elements) {
        guard let element = reply.element[index] else {
          throw RedisProtocolError(description: "an array lacks an element")
        }
        elements.append(try RedisReply(element.pointee))
      }
      self = .array(elements)
    case let type: throw RedisProtocolError(description: "a reply has the unknown type \(type)")
    }
  }
}

extension redisReply {
  fileprivate var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: str, count: Int(len)) }
}
