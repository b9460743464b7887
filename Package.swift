// swift-tools-version: 6.2

import PackageDescription

/// Warnings stop the build where `CAIRN_STRICT` is set, as in CI, and not for users with newer dependencies.
let strict = Context.environment["CAIRN_STRICT"] != nil

/// `scripts/fuzz` sets it: the fuzz targets are the program `cairn-fuzz` then, linked with libFuzzer, instead of tests.
let fuzzing = Context.environment["CAIRN_FUZZ"] != nil

/// jemalloc is left out where `CAIRN_SANITIZE` is set (`make sanitize`): sanitizers bring a `malloc` of their own.
let hasJemalloc = Context.environment["CAIRN_SANITIZE"] == nil

let settings: [SwiftSetting] =
  [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
  ] + (strict ? [.treatAllWarnings(as: .error)] : [])

/// GitHub, or the folder that `scripts/setup` fills from Debian's archive (see CONTRIBUTING.md).
func dependency(_ name: String, from version: Version) -> Package.Dependency {
  if Context.environment["SWIFTCI_USE_LOCAL_DEPS"] != nil, let folder = Context.environment["CAIRN_SWIFT_PACKAGES"] {
    return .package(path: "\(folder)/\(name)")
  }
  return .package(url: "https://github.com/apple/\(name).git", from: version)
}

extension Target.Dependency {
  static let nioCore = product(name: "NIOCore", package: "swift-nio")
  static let nioPosix = product(name: "NIOPosix", package: "swift-nio")
  static let nioHTTP1 = product(name: "NIOHTTP1", package: "swift-nio")
  static let nioEmbedded = product(name: "NIOEmbedded", package: "swift-nio")
  static let logging = product(name: "Logging", package: "swift-log")
  static let crypto = product(name: "Crypto", package: "swift-crypto")
  static let argumentParser = product(name: "ArgumentParser", package: "swift-argument-parser")
}

func library(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  let path = name == "CairnTestSupport" ? "Tests/\(name)" : nil
  return .target(name: name, dependencies: dependencies, path: path, swiftSettings: settings)
}

func tests(_ name: String, _ dependencies: [Target.Dependency], exclude: [String] = []) -> Target {
  .testTarget(name: name, dependencies: dependencies, exclude: exclude, swiftSettings: settings)
}

/// Everything with a parser of bytes from outside.
let fuzzed: [Target.Dependency] = [
  "cairn", "CairnModel", "CairnHTTP", "CairnStorage", "CairnCatalog", "CairnNodeClient", "CairnNodeServer",
  "CairnObjects", "CairnRepair", "CairnAPI", "CairnS3", "CairnClient", "CairnTestSupport", .nioCore, .nioPosix,
  .nioHTTP1, .nioEmbedded, .logging,
]

/// libFuzzer brings the main function.
let fuzzer: Target = .executableTarget(
  name: "cairn-fuzz", dependencies: fuzzed, path: "Tests/FuzzTests", exclude: ["Corpus", "Tests"],
  swiftSettings: settings + [.unsafeFlags(["-parse-as-library"])])

/// The program. With the fuzzer it is a library among others, whose main function would be a second one.
func program(_ others: [Target.Dependency]) -> Target {
  let dependencies = others + (hasJemalloc ? ["CJemalloc", "CMallocSettings"] : [])
  let settings = settings + (hasJemalloc ? [.define("JEMALLOC")] : [])
  guard fuzzing else { return .executableTarget(name: "cairn", dependencies: dependencies, swiftSettings: settings) }
  let entry = SwiftSetting.unsafeFlags(["-Xfrontend", "-entry-point-function-name", "-Xfrontend", "cairn_main"])
  return .target(name: "cairn", dependencies: dependencies, swiftSettings: settings + [entry])
}

let package = Package(
  name: "cairn",
  platforms: [.macOS(.v26)],
  products: [.executable(name: fuzzing ? "cairn-fuzz" : "cairn", targets: [fuzzing ? "cairn-fuzz" : "cairn"])],
  dependencies: [
    dependency("swift-nio", from: "2.65.0"),
    dependency("swift-log", from: "1.5.4"),
    dependency("swift-argument-parser", from: "1.4.0"),
    dependency("swift-crypto", from: "3.0.0"),
  ],
  targets: [
    .systemLibrary(name: "CISAL", pkgConfig: "libisal", providers: [.apt(["libisal-dev"])]),
    .systemLibrary(name: "CSQLite", pkgConfig: "sqlite3", providers: [.apt(["libsqlite3-dev"])]),
    .systemLibrary(name: "CLinux"),
    .systemLibrary(name: "CHiredis", pkgConfig: "hiredis", providers: [.apt(["libhiredis-dev"])]),
    .systemLibrary(name: "CYAML", pkgConfig: "yaml-0.1", providers: [.apt(["libyaml-dev"])]),
    .systemLibrary(name: "CJemalloc", pkgConfig: "jemalloc", providers: [.apt(["libjemalloc-dev"])]),
    .target(name: "CMallocSettings"),
    .target(name: "CFatalSignals"),

    library("CairnModel", ["CISAL", .nioCore, .crypto]),
    library("CairnHTTP", [.nioCore, .nioPosix, .nioHTTP1, .logging]),
    library("CairnStorage", ["CairnModel", "CLinux", .nioCore, .nioPosix, .logging]),
    library("CairnCatalog", ["CLinux", "CairnModel", "CSQLite", "CHiredis", .nioCore, .nioPosix, .crypto, .logging]),
    library("CairnNodeClient", ["CairnModel", "CairnHTTP", "CairnStorage", .nioCore, .nioPosix, .nioHTTP1, .logging]),
    library("CairnNodeServer", ["CairnModel", "CairnHTTP", "CairnStorage", .nioCore, .nioHTTP1, .logging]),
    library("CairnCluster", ["CairnModel", "CairnCatalog", "CairnNodeClient", "CairnHTTP", .logging]),
    library(
      "CairnObjects",
      ["CairnModel", "CairnCatalog", "CairnCluster", "CairnNodeClient", .nioCore, .nioPosix, .crypto, .logging]),
    library("CairnRepair", ["CairnModel", "CairnCatalog", "CairnCluster", "CairnNodeClient", .nioCore, .logging]),
    library(
      "CairnAPI",
      [
        "CairnModel", "CairnHTTP", "CairnObjects", "CairnCluster", "CairnCatalog", "CairnNodeClient",
        .nioCore, .nioHTTP1, .logging,
      ]),
    library(
      "CairnS3",
      [
        "CairnModel", "CairnHTTP", "CairnObjects", "CairnCatalog", "CairnNodeClient", .nioCore, .nioHTTP1, .crypto,
        .logging,
      ]),
    library("CairnClient", ["CLinux", "CairnModel", "CairnHTTP", .nioCore, .nioPosix, .nioHTTP1, .crypto]),
    program([
      "CairnClient", "CairnModel", "CairnHTTP", "CairnStorage", "CairnCatalog", "CairnNodeClient", "CairnNodeServer",
      "CairnCluster", "CairnObjects", "CairnRepair", "CairnAPI", "CairnS3", "CFatalSignals", "CYAML",
      .nioCore, .nioPosix, .nioHTTP1, .logging, .argumentParser,
    ]),

    library("CairnTestSupport", [.nioCore, .nioPosix, .logging]),
    fuzzing ? fuzzer : tests("FuzzTests", fuzzed, exclude: ["Corpus", "LibFuzzer"]),
    tests("CairnModelTests", ["CairnModel", .nioCore]),
    tests("CairnHTTPTests", ["CairnHTTP", "CairnTestSupport", .nioCore, .nioPosix, .nioHTTP1, .nioEmbedded, .logging]),
    tests(
      "CairnNodeTests",
      [
        "CairnModel", "CairnHTTP", "CairnStorage", "CairnNodeClient", "CairnNodeServer", "CairnTestSupport", .nioCore,
        .nioPosix, .nioHTTP1, .logging,
      ]),
    tests(
      "CairnClusterTests",
      ["CairnModel", "CairnCatalog", "CairnCluster", "CairnNodeClient", "CairnTestSupport", .nioPosix, .logging]),
    tests(
      "CairnObjectsTests",
      [
        "CairnModel", "CairnCatalog", "CairnStorage", "CairnCluster", "CairnNodeClient", "CairnObjects",
        "CairnTestSupport", .nioCore, .nioPosix, .logging,
      ]),
    tests(
      "CairnRepairTests",
      [
        "CairnModel", "CairnHTTP", "CairnCatalog", "CairnStorage", "CairnCluster", "CairnNodeClient", "CairnRepair",
        "CairnTestSupport", .nioCore, .nioPosix, .logging,
      ]),
    tests("CairnAPITests", ["CairnAPI", .nioHTTP1]),
    tests(
      "CairnS3Tests",
      [
        "CairnModel", "CairnHTTP", "CairnCatalog", "CairnObjects", "CairnS3", "CairnTestSupport", .nioCore, .nioHTTP1,
      ]),
    tests("CairnClientTests", ["CairnClient", "CairnModel", "CairnTestSupport"]),
    tests(
      "CairnCommandTests",
      [
        "cairn", "CairnAPI", "CairnCatalog", "CairnClient", "CairnCluster", "CairnHTTP", "CairnObjects", "CairnS3",
        "CairnStorage", "CairnTestSupport", .nioCore, .logging, .argumentParser,
      ]),
    tests("CairnStorageTests", ["CairnModel", "CairnStorage", "CairnTestSupport", .nioCore, .nioPosix, .logging]),
    tests(
      "CairnCatalogTests",
      [
        "CairnModel", "CairnCatalog", "CairnTestSupport", "CSQLite", .nioCore, .nioPosix, .logging,
      ]),
    tests(
      "ClusterTests",
      [
        "cairn", "CairnAPI", "CairnModel", "CairnHTTP", "CairnStorage", "CairnCatalog", "CairnRepair", "CairnS3",
        "CairnTestSupport", .nioCore, .nioPosix, .nioHTTP1, .crypto, .logging,
      ],
      exclude: [
        "Authorisation/native-open.txt", "Authorisation/native-required.txt", "Authorisation/s3.txt",
        "S3/aws_cases.sh", "S3/boto3_cases.py", "S3/botocore_signer.py", "S3/clients.sh", "S3/curl_cases.sh",
        "S3/multipart_cases.py", "S3/obstore_cases.py", "S3/presigned_cases.py", "S3/rclone_cases.sh",
        "S3/restic_cases.sh", "S3/s3cmd_cases.sh", "S3/s3fs_cases.py",
      ]),
  ],
  swiftLanguageModes: [.v6]
)
