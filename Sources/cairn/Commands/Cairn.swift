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
      or
        cairn put photo.jpg
        cairn get photo.jpg
      Commands that ask a server take the one of --server, else of CAIRN_SERVER, else http://127.0.0.1:8000, \
      and where it has AUTH=required they show it CAIRN_TOKEN, which is ID:SECRET of an access key. They end with \
      0 when all went well, 1 when something failed, 3 when a file does not exist, 4 when a checksum differs, 5 when the \
      server can't be reached, 64 for a mistake on the command line, 130 when they were interrupted, 141 when the reader \
      of standard output went away.
      Each option of a role can be set by the environment variable that stands in brackets; the option comes first.
      """,
    version: version,
    subcommands: [
      Server.self, Coordinator.self, Node.self, ReplicatorCommand.self, Config.self, Put.self, Get.self, Cat.self,
      List.self, Stat.self, Remove.self, Copy.self, Move.self, Sync.self, Send.self, Receive.self, Bench.self,
      Status.self, Nodes.self, Drain.self, Undrain.self, Forget.self, Scrub.self, CollectGarbage.self, Recover.self,
      KeyCommand.self, SecretCommand.self, CatalogCommand.self,
    ])

  static let version = "0.1.0"
}
