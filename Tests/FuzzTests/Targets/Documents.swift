import CairnModel
@testable import CairnS3
import NIOCore

/// XML that clients of S3 send.
extension FuzzTarget {
  static let documents: [FuzzTarget] = [
    FuzzTarget(
      "xml",
      texts: [
        "<?xml version=\"1.0\"?><Tagging xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><TagSet><Tag><Key>a</Key><Value>b&amp;c</Value></Tag></TagSet></Tagging>",
        "<Delete><Quiet>true</Quiet><Object><Key>a</Key><ETag>\"x\"</ETag></Object></Delete>",
        "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>x</ETag></Part></CompleteMultipartUpload>",
        "<AccessControlPolicy><AccessControlList><Grant><Grantee><URI>http://acs.amazonaws.com/groups/global/AllUsers</URI></Grantee><Permission>READ</Permission></Grant></AccessControlList></AccessControlPolicy>",
        "<Delete><a:b xmlns:a=\"x\"><![CDATA[ <&> ]]></a:b><!-- c --><?pi x?>&#x41;&lt;</Delete>",
      ]
    ) { input in
      for root in ["Tagging", "Delete", "CompleteMultipartUpload", "AccessControlPolicy"] {
        guard let document = accepted({ try XMLElement(parsing: input.buffer, root: root) }) else { continue }
        try require(document.textLength <= 4 * input.bytes.count, "a document grows to \(document.textLength) bytes")
        _ = accepted { try CannedACL.access(document) }
        guard let tags = accepted({ try TagSet.tags(document) }) else { continue }
        try require(tags.count <= TagSet.objectCountMax, "\(tags.count) tags are too many")
        // XML has no place for some control characters.
        guard let again = accepted({ try XMLElement(parsing: TagSet.document(tags).buffer, root: "Tagging") }) else {
          continue
        }
        try requireEqual(accepted { try TagSet.tags(again) }, tags, "tags written and read")
      }
    }
  ]
}

extension XMLElement {
  /// Bytes of all texts and names in it.
  fileprivate var textLength: Int { children.reduce(name.utf8.count + text.utf8.count) { $0 + $1.textLength } }
}
