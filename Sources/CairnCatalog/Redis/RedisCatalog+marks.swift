package import CairnModel
internal import NIOCore

extension RedisCatalog: ReplayMarks {
  package func replayMarks() async throws(CatalogError) -> [VolumeID: UInt64] {
    let reply = try await client.send(RedisCommand("HGETALL", keys.marks))
    guard case .array(let parts) = reply, parts.count.isMultiple(of: 2) else {
      throw .unexpected(reply, to: "HGETALL")
    }
    var marks: [VolumeID: UInt64] = [:]
    for index in stride(from: 0, to: parts.count, by: 2) {
      // A volume without a mark is replayed from its start.
      guard case .bytes(var id) = parts[index], let id = id.readOrderedVolumeID(),
        case .bytes(let text) = parts[index + 1], let position = UInt64(String(buffer: text))
      else {
        skipped.note(.replayMark, parts[index].entryName, .unexpected(parts[index + 1], to: "HGETALL"))
        continue
      }
      marks[id] = position
    }
    return marks
  }

  /// Marks of one command at most, so that none holds Redis up.
  private static let marksInCommandMax = 1000

  /// How durable this is, Redis's own configuration says (`appendfsync`).
  package func setReplayMarks(_ marks: [VolumeID: UInt64]) async throws(CatalogError) {
    guard !marks.isEmpty else { return try await ping() }
    var rest = Array(marks)[...]
    while !rest.isEmpty {
      var command = RedisCommand("HSET", keys.marks)
      for (volume, position) in rest.prefix(Self.marksInCommandMax) {
        command.append(volume)
        command.append(position)
      }
      rest = rest.dropFirst(Self.marksInCommandMax)
      _ = try await client.send(command)
    }
  }
}
