import ArgumentParser

@main
struct Cairn: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "cairn",
    abstract: "A blob store: every acknowledged byte on disk, in one binary.",
    discussion: """
      Start with `cairn server`: it needs no other service. Then:
        curl -F file=@photo.jpg http://127.0.0.1:8000/upload
        curl -OJ http://127.0.0.1:8000/blob/photo.jpg
      Each option can be set by the environment variable that stands in brackets; the option comes first.
      """,
    version: version,
    subcommands: [
      Server.self, Coordinator.self, Node.self, ReplicatorCommand.self, Config.self, Status.self, Nodes.self,
      Drain.self, Undrain.self, Forget.self, Scrub.self, CollectGarbage.self, Recover.self,
      CatalogCommand.self,
    ])

  static let version = "0.1.0"
}
