import CairnModel
import CairnS3
import Testing

struct AccessTests {
  private let id = AccessKeyID("AKIA1")

  private func bucket(_ access: PublicAccess = .none, owner: String? = nil) throws -> Bucket {
    Bucket(
      name: try BucketName("photos"), createdAt: .now(), owner: owner.map { AccessKeyID($0) }, access: access)
  }

  private func metadata(_ access: PublicAccess?) -> ObjectMetadata {
    var metadata = ObjectMetadata()
    metadata.access = access
    return metadata
  }

  @Test func strangersReadWhatIsPublicAndNothingElse() throws {
    let closed = try bucket()
    let open = try bucket(.read)
    for action in [S3Action.listObjects, .readObject, .readTags, .writeObject, .ownBucket] {
      #expect(!S3Access.allow(.anonymous, action, bucket: closed, object: metadata(nil)))
    }
    #expect(S3Access.allow(.anonymous, .listObjects, bucket: open))
    #expect(S3Access.allow(.anonymous, .readObject, bucket: open, object: metadata(nil)))
    #expect(S3Access.allow(.anonymous, .readObject, bucket: closed, object: metadata(.read)))
    #expect(!S3Access.allow(.anonymous, .readObject, bucket: open, object: metadata(PublicAccess.none)))
    #expect(!S3Access.allow(.anonymous, .writeObject, bucket: open, object: metadata(.read)))
    #expect(!S3Access.allow(.anonymous, .readTags, bucket: open, object: metadata(.read)))
    #expect(!S3Access.allow(.anonymous, .listBuckets))
    #expect(!S3Access.allow(.anonymous, .createBucket))
  }

  @Test func keyMayWhatItWasAllowed() throws {
    let bucket = try bucket()
    let reader = S3Identity.key(id, S3Grants(buckets: [bucket.name: .read]))
    #expect(S3Access.allow(reader, .readObject, bucket: bucket))
    #expect(S3Access.allow(reader, .listObjects, bucket: bucket))
    #expect(S3Access.allow(reader, .readTags, bucket: bucket))
    #expect(!S3Access.allow(reader, .writeObject, bucket: bucket))
    #expect(!S3Access.allow(reader, .ownBucket, bucket: bucket))
    #expect(!S3Access.allow(reader, .createBucket))
    #expect(S3Access.allow(reader, .listBuckets))
    #expect(S3Access.allow(.key(id, S3Grants(everywhere: .all)), .createBucket))
    #expect(S3Access.allow(.key(id, S3Grants(everywhere: .all)), .ownBucket, bucket: bucket))
  }

  @Test func whoCreatedABucketOwnsIt() throws {
    let mine = try bucket(owner: id.text)
    #expect(S3Access.allow(.key(id, S3Grants()), .writeObject, bucket: mine))
    #expect(!S3Access.allow(.key(AccessKeyID("AKIA2"), S3Grants()), .readObject, bucket: mine))
  }
}
