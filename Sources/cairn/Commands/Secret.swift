import ArgumentParser
import CairnModel

/// `cairn secret` prints a new secret for a cluster.
struct SecretCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "secret", abstract: "Print a new random secret for a cluster.",
    discussion: """
      256 bits of the system's random generator, as 64 characters. Give the same one to all nodes and coordinators as \
      CLUSTER_SECRET:
        echo "CLUSTER_SECRET=$(cairn secret)" >> cluster.env
      """)

  func run() throws {
    try StandardOutput.line(ClusterSecret.random())
  }
}
