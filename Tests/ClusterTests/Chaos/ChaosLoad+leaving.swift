import CairnTestSupport
import Foundation

/// Clients that leave in the middle of an upload or a download, as browsers and impatient scripts do.
extension ChaosLoad {
  /// Names under which only a part of a value was ever sent.
  private static let unfinished = "unfinished/"

  func leaveAgainAndAgain(_ client: Int) {
    var random = SeededRandom(seed: seed &+ 0x1EA5E &+ UInt64(client))
    var number = 0
    while !isOver.isSet {
      number += 1
      if Bool.random(using: &random) {
        leaveUpload("\(Self.unfinished)\(client)-\(number)", &random)
      } else {
        leaveDownload(&random)
      }
      usleep(UInt32.random(in: 1000...40_000, using: &random))
    }
  }

  /// Sends the head of an upload and a part of its body.
  private func leaveUpload(_ name: String, _ random: inout SeededRandom) {
    guard let connection = connect(&random) else { return }
    let value = newValue().bytes
    let sent = Int.random(in: 0..<value.count, using: &random)
    let head = "PUT /blob/\(name.percentEncoded) HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: \(value.count)\r\n\r\n"
    try? connection.send(Array(head.utf8)[...])
    try? connection.send(value[..<sent])
  }

  /// Asks for a value that may be there, and does not wait for it.
  private func leaveDownload(_ random: inout SeededRandom) {
    guard let name = history.byName.keys.randomElement(using: &random), let connection = connect(&random) else {
      return
    }
    try? connection.send(Array("GET /blob/\(name.percentEncoded) HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".utf8)[...])
    usleep(UInt32.random(in: 0...5000, using: &random))
  }

  private func connect(_ random: inout SeededRandom) -> WireClient? {
    let connection = ports.randomElement(using: &random).flatMap { try? WireClient(port: $0, patience: 5) }
    if connection == nil { usleep(20_000) }
    return connection
  }

  /// None of what was not sent to its end may be there.
  func expectNothingUnfinished(port: Int) {
    do {
      let answer = try WireClient(port: port).request("GET", "/blobs?prefix=\(Self.unfinished.percentEncoded)")
      let page = (try? JSONSerialization.jsonObject(with: Data(answer.body))) as? [String: Any]
      guard answer.status == 200, let blobs = page?["blobs"] as? [[String: Any]] else {
        return fail("no list of what is unfinished: \(answer.status)")
      }
      if !blobs.isEmpty { fail("stored, and never sent whole: \(blobs.prefix(3))") }
    } catch {
      fail("no list of what is unfinished: \(error)")
    }
  }
}
