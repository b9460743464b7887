import ArgumentParser
import CairnClient
import CairnHTTP
import CairnModel
import Foundation
import NIOHTTP1

/// `cairn key` makes and changes access keys.
struct KeyCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "key", abstract: "Make access keys, and say what they may do.",
    discussion: """
      Clients of S3, and of a server with AUTH=required, show who they are with an access key: an id and a secret. A new \
      key may do nothing but what is allowed it, in a bucket or in every one. One that is allowed all in every bucket is \
      an administrator's: it may change the cluster and keys. `cairn key` shows such a key (CAIRN_TOKEN), or on the \
      server's machine the file local.key, which it finds by itself in the server's storage path.
      """,
    subcommands: [Create.self, ListKeys.self, RemoveKey.self, Allow.self, Deny.self])

  struct Create: OperatorCommand {
    static let configuration = CommandConfiguration(
      abstract: "Make a key. Its secret is shown only now.")

    @Option(help: "A bucket that it may use, or '*' for every one.")
    var bucket: String?
    @Option(
      name: .customLong("allow"), parsing: .singleValue,
      help: ArgumentHelp(
        "What it may do there: \(S3Permissions.allowed). May be given again.", valueName: "permission"))
    var permissions: [String] = []
    @OptionGroup var options: ServerOptions
    @OptionGroup var local: LocalServerOptions
    var storagePath: String? { local.baseStoragePath }

    func validate() throws {
      guard (bucket == nil) == permissions.isEmpty else {
        throw ValidationError("--bucket and --allow need each other")
      }
      try KeyGrant.validate(permissions)
    }

    func run(_ client: OperatorClient) async throws(ClientError) {
      let query = bucket.map { KeyGrant.query($0, "allow", permissions) } ?? ""
      try options.show(try await client.send(.POST, "/keys" + query), client) { (key: KeyAnswer) in
        """
        ACCESS_KEY=\(key.id)
        SECRET_KEY=\(key.secret ?? "")
        """
      }
    }
  }

  struct ListKeys: OperatorCommand {
    static let configuration = CommandConfiguration(
      commandName: "list", abstract: "List the keys and what they may do.", aliases: ["ls"])

    @OptionGroup var options: ServerOptions
    @OptionGroup var local: LocalServerOptions
    var storagePath: String? { local.baseStoragePath }

    func run(_ client: OperatorClient) async throws(ClientError) {
      try options.show(try await client.send(.GET, "/keys"), client) { (answer: KeysAnswer) in answer.text }
    }
  }

  struct RemoveKey: OperatorCommand {
    static let configuration = CommandConfiguration(
      commandName: "rm", abstract: "Remove a key. What it was used for stays.")

    @Argument(help: "The key's id.")
    var id: String
    @OptionGroup var options: ServerOptions
    @OptionGroup var local: LocalServerOptions
    var storagePath: String? { local.baseStoragePath }

    func run(_ client: OperatorClient) async throws(ClientError) {
      _ = try await client.send(.DELETE, "/keys/\(PercentCoding.encode(id))")
      if options.json {
        try StandardOutput.json(["removed": id])
      } else {
        try StandardOutput.line("access key \(id) is removed")
      }
    }
  }

  struct Allow: OperatorCommand {
    static let configuration = CommandConfiguration(abstract: "Let a key do something.")

    @OptionGroup var grant: KeyGrant
    @OptionGroup var options: ServerOptions
    @OptionGroup var local: LocalServerOptions
    var storagePath: String? { local.baseStoragePath }

    func run(_ client: OperatorClient) async throws(ClientError) {
      try options.show(try await grant.send("allow", client), client) { (key: KeyAnswer) in KeysAnswer([key]).text }
    }
  }

  struct Deny: OperatorCommand {
    static let configuration = CommandConfiguration(
      abstract: "Let a key do something no longer.",
      discussion: """
        What is allowed in every bucket can't be taken away in one. A key that created a bucket owns it, and may do \
        everything there: this command ends that, and leaves it what is not denied.
        """)

    @OptionGroup var grant: KeyGrant
    @OptionGroup var options: ServerOptions
    @OptionGroup var local: LocalServerOptions
    var storagePath: String? { local.baseStoragePath }

    func run(_ client: OperatorClient) async throws(ClientError) {
      try options.show(try await grant.send("deny", client), client) { (key: KeyAnswer) in KeysAnswer([key]).text }
    }
  }
}

/// A server on this machine, which takes whoever can read its storage path for somebody who may administer keys.
struct LocalServerOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Storage path of the server on this machine; without it, the server says where it is. [BASE_STORAGE_PATH]",
      valueName: "path"))
  var baseStoragePath: String?
}

/// What a key may or may not do, and where.
struct KeyGrant: ParsableArguments {
  @Argument(help: "The key's id.")
  var id: String
  @Argument(help: "The bucket, or '*' for every one.")
  var bucket: String
  @Argument(help: ArgumentHelp("\(S3Permissions.allowed).", valueName: "permission"))
  var permissions: [String]

  func validate() throws { try Self.validate(permissions) }

  static func validate(_ permissions: [String]) throws {
    for word in permissions where S3Permissions(word: word) == nil {
      throw ValidationError("The permission is '\(word)', allowed: \(S3Permissions.allowed)")
    }
  }

  static func query(_ bucket: String, _ verb: String, _ permissions: [String]) -> String {
    "?bucket=\(PercentCoding.encode(bucket))&\(verb)=\(permissions.joined(separator: ","))"
  }

  func send(_ verb: String, _ client: OperatorClient) async throws(ClientError) -> Data {
    try await client.send(
      .PATCH, "/keys/\(PercentCoding.encode(id))" + Self.query(bucket, verb, permissions))
  }
}
