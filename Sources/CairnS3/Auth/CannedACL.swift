internal import CairnHTTP
internal import CairnModel
internal import NIOHTTP1

/// Access control lists, as far as there are any: `private` and `public-read`.
enum CannedACL {
  static let everybody = "http://acs.amazonaws.com/groups/global/AllUsers"
  private static let instanceNamespace = "http://www.w3.org/2001/XMLSchema-instance"

  /// What `x-amz-acl` says; nil where it is missing.
  static func access(_ headers: HTTPHeaders) throws(S3Error) -> PublicAccess? {
    guard let name = headers.first(name: "x-amz-acl") else { return nil }
    switch name {
    // The owner of a bucket may do everything with what is in it anyway.
    case "private", "bucket-owner-full-control", "bucket-owner-read": return PublicAccess.none
    case "public-read": return .read
    case "public-read-write", "authenticated-read", "aws-exec-read", "log-delivery-write":
      throw .notImplemented("x-amz-acl: \(name)")
    default: throw .invalidArgument("x-amz-acl", name, "")
    }
  }

  /// What a document says that lists who may do what.
  ///
  /// - Throws: `NotImplemented` for grants that no canned list has.
  static func access(_ document: XMLElement) throws(S3Error) -> PublicAccess {
    guard let list = document["AccessControlList"] else {
      throw S3Error(
        .malformedACL, "The XML you provided was not well-formed or did not validate against our published schema")
    }
    var access = PublicAccess.none
    for grant in list.all("Grant") {
      let permission = grant["Permission"]?.text.trimmed
      let group = grant["Grantee"]?["URI"]?.text.trimmed
      switch (group, permission) {
      case (nil, "FULL_CONTROL"): break
      case (everybody, "READ"): access = .read
      default: throw .notImplemented("Grant of \(permission ?? "nothing")")
      }
    }
    return access
  }

  static func document(owner: S3Owner, _ access: PublicAccess) -> XMLText {
    var xml = XMLText()
    xml.document("AccessControlPolicy") { xml in
      owner.write(to: &xml)
      xml.element("AccessControlList") { xml in
        grant(&xml, "CanonicalUser", "FULL_CONTROL") { xml in
          xml.element("ID", owner.id)
          xml.element("DisplayName", owner.id)
        }
        if access == .read {
          grant(&xml, "Group", "READ") { xml in xml.element("URI", everybody) }
        }
      }
    }
    return xml
  }

  private static func grant(
    _ xml: inout XMLText, _ type: String, _ permission: String, _ grantee: (inout XMLText) -> Void
  ) {
    xml.element("Grant") { xml in
      xml.element("Grantee", ["xmlns:xsi": instanceNamespace, "xsi:type": type], grantee)
      xml.element("Permission", permission)
    }
  }
}

extension S3API {
  /// What a `PUT …?acl` asks for, in its header or its document.
  func requestedAccess(_ request: S3Request, _ owner: S3Owner) async throws(S3Error) -> PublicAccess {
    let document = try await document(request, root: "AccessControlPolicy")
    if let access = try CannedACL.access(request.headers) { return access }
    guard let document else {
      throw S3Error(.missingSecurityHeader, "Your request was missing a required header: x-amz-acl")
    }
    return try CannedACL.access(document)
  }
}
