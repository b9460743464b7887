import CairnTestSupport
import Foundation
import Testing

extension S3Suite {
  @Suite struct RcloneTests {
    @Test func rcloneCopiesSyncsAndChecks() async throws {
      try await S3Clients.runWithThreeKeys("rclone_cases.sh")
    }

    @Test(.enabled(if: Self.canMount, "needs a /dev/fuse that may be opened, and fusermount3 of the package fuse3"))
    func rcloneMountsABucketAsAFolder() async throws {
      try await S3Clients.runWithThreeKeys("rclone_cases.sh", "mount")
    }

    private static var canMount: Bool {
      FileManager.default.isExecutableFile(atPath: "/usr/bin/fusermount3")
        && FileHandle(forUpdatingAtPath: "/dev/fuse") != nil
    }
  }
}
