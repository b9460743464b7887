internal import CairnHTTP
internal import CairnModel
internal import CairnObjects
internal import NIOCore
internal import NIOHTTP1

/// An object that a request is about, or copies from.
struct FoundObject: Sendable {
  let bucket: Bucket
  let name: ObjectName
  let object: StoredObject
}

/// What most operations begin or end with.
extension S3API {
  /// Bytes of a document that a client may send, but for those that name many objects.
  static let documentBytesMax = 64 << 10
  /// Bytes of a document that is parsed at once rather than on another thread, so that it holds no event loop up.
  private static let parsedAtOnceMax = 16 << 10

  /// - Throws: `AccessDenied`.
  func authorize(
    _ request: S3Request, _ bucket: Bucket? = nil, _ object: ObjectMetadata? = nil, _ action: S3Action? = nil
  ) throws(S3Error) {
    let action = action ?? request.operation.action
    guard S3Access.allow(request.identity, action, bucket: bucket, object: object) else { throw .accessDenied }
    // To show everybody what one writes is to change who may do what.
    guard action == .writeObject, try CannedACL.access(request.headers) == .read else { return }
    guard S3Access.allow(request.identity, .ownBucket, bucket: bucket) else { throw .accessDenied }
  }

  /// The bucket that a request is about, where its sender may do with it what it asks for.
  func authorizedBucket(_ request: S3Request) async throws(S3Error) -> Bucket {
    // Who asks about the bucket itself is told what it is now, also when another coordinator changed it just now.
    let isFresh = request.operation.action == .ownBucket
    let bucket = try await buckets.bucket(try request.bucket, isFresh: isFresh)
    try refuseOtherOwner(request, bucket)
    try authorize(request, bucket)
    return bucket
  }

  /// The object that a request is about, where its sender may do with it what it asks for.
  ///
  /// - Throws: `NoSuchKey`, or `AccessDenied` where the sender may not even know that.
  func authorizedObject(_ request: S3Request) async throws(S3Error) -> FoundObject {
    let name = try request.object
    let bucket = try await buckets.bucket(name.bucket)
    try refuseOtherOwner(request, bucket)
    return FoundObject(
      bucket: bucket, name: name, object: try await object(name, in: bucket, for: request, request.operation.action))
  }

  /// Whether the sender of a request may see the tags of an object. Everybody may read what is public, but not these.
  func mayReadTags(_ request: S3Request, of found: FoundObject) -> Bool {
    S3Access.allow(request.identity, .readTags, bucket: found.bucket, object: found.object.attributes.metadata)
  }

  /// - Throws: as ``authorizedObject(_:)`` does.
  func object(
    _ name: ObjectName, in bucket: Bucket, for request: S3Request, _ action: S3Action
  ) async throws(S3Error) -> StoredObject {
    let found: StoredObject?
    do throws(ObjectError) { found = try await objects.object(name) } catch { throw S3Error(error) }
    if let found {
      try authorize(request, bucket, found.attributes.metadata, action)
      return found
    }
    try authorize(request, bucket, nil, .listObjects)
    throw .noSuchKey(name.key)
  }

  /// Writes to the bucket of a request, whose sender must be allowed to, and makes sure that the bucket is still there
  /// when that is done.
  ///
  /// - Parameter commit: does it; its result tells what would have to be undone.
  func writing(
    _ request: S3Request, _ commit: (Bucket) async throws(S3Error) -> PutResult
  ) async throws(S3Error) -> PutResult {
    let sight = try await authorizedSight(request)
    let result = try await commit(sight.bucket)
    guard try await buckets.confirm(sight) else {
      do throws(ObjectError) {
        _ = try await objects.delete(result.name, expecting: result.object.head.blob)
      } catch {
        // Another version is another writer's business.
        if case .conditionFailed = error {} else { throw S3Error(error) }
      }
      throw .noSuchBucket(sight.bucket.name)
    }
    return result
  }

  /// The bucket that a request is about to write to, where its sender may; for ``BucketDirectory/confirm(_:)``.
  func authorizedSight(_ request: S3Request) async throws(S3Error) -> BucketDirectory.Sight {
    let sight = try await buckets.bucketForWriting(try request.bucket)
    try refuseOtherOwner(request, sight.bucket)
    try authorize(request, sight.bucket)
    return sight
  }

  /// Parses the document that a client sends. Only call it when the client is known to have the right to what it asks for.
  ///
  /// - Returns: nil where there is none.
  func document(
    _ request: S3Request, root: String, limit: Int = documentBytesMax
  ) async throws(S3Error) -> XMLElement? {
    var body = try body(request)
    // There the header has the checksum of the object that comes into being.
    if request.operation == .completeMultipartUpload { body.checksum = nil }
    let parsed: Result<XMLElement?, S3Error>
    do throws(ObjectError) {
      parsed = try await objects.withDocument(body, limit: limit) { await Self.parse($0, root: root) }
    } catch {
      if case .tooLarge = error { throw S3Error(.malformedXML, "The XML you provided is larger than \(limit) bytes") }
      throw S3Error(error)
    }
    return try parsed.get()
  }

  private static func parse(_ bytes: ByteBuffer, root: String) async -> Result<XMLElement?, S3Error> {
    let parse: @Sendable () -> Result<XMLElement?, S3Error> = {
      guard bytes.readableBytes > 0 else { return .success(nil) }
      do throws(S3Error) { return .success(try XMLElement(parsing: bytes, root: root)) } catch {
        return .failure(error)
      }
    }
    guard bytes.readableBytes > parsedAtOnceMax else { return parse() }
    return await Task.detached { parse() }.value
  }

  /// An answer with a document.
  func answer(_ xml: XMLText, headers: HTTPHeaders = [:]) -> HTTPResponse {
    var response = HTTPResponse(.ok, headers: headers, body: .bytes(xml.buffer))
    response.headers.add(name: "Content-Type", value: XMLText.mediaType)
    return response
  }

  /// - Throws: `AccessDenied` where the sender believes that the bucket is somebody else's.
  private func refuseOtherOwner(_ request: S3Request, _ bucket: Bucket) throws(S3Error) {
    guard let expected = request.header("x-amz-expected-bucket-owner") else { return }
    guard expected == S3Owner(bucket).id else { throw .accessDenied }
  }
}

/// Whom documents name as the owner of a bucket and of what is in it.
struct S3Owner: Hashable, Sendable {
  /// Stands for everybody where buckets are made without a key.
  private static let nobody = "cairn"

  let id: String

  init(_ bucket: Bucket) {
    id = bucket.owner?.text ?? Self.nobody
  }

  init(_ identity: S3Identity) {
    id = if case .key(let key, _) = identity { key.text } else { Self.nobody }
  }

  func write(to xml: inout XMLText, as element: String = "Owner") {
    xml.element(element) { xml in
      xml.element("ID", id)
      xml.element("DisplayName", id)
    }
  }
}

extension Timestamp {
  /// `2009-10-12T17:50:30.000Z`, as S3's documents have it. No fraction, so that it is the same as in header fields.
  var s3Text: String {
    HTTPDate.iso8601(secondsSinceEpoch: Int(clamping: secondsSinceEpoch))
  }

  /// `Mon, 12 Oct 2009 17:50:30 GMT`.
  var headerText: String { HTTPDate.format(secondsSinceEpoch: Int(secondsSinceEpoch)) }
}
