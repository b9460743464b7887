internal import Synchronization

/// Keeps the number of open logs bounded: when one too many is open, one that wasn't used lately is let go.
///
/// A clock (second chance): each use sets a mark on the volume, the hand clears marks until it finds a volume without.
final class DescriptorBudget: Sendable {
  private struct Ring {
    var volumes: [StoredVolume] = []
    var hand = 0
  }

  private let limit: Int
  private let ring = Mutex(Ring())

  init(limit: Int) {
    self.limit = limit
  }

  /// Logs that are open now, apart from those that readers still hold.
  var openCount: Int { ring.withLock { $0.volumes.count } }

  /// Notes that `volume` has opened its log. The caller holds no lock of a volume.
  func opened(_ volume: StoredVolume) {
    ring.withLock { ring in
      ring.volumes.append(volume)
      // Two rounds clear every mark; volumes that can't let go now are passed over.
      var attempts = 2 * ring.volumes.count
      while ring.volumes.count > limit, attempts > 0 {
        attempts -= 1
        if ring.hand >= ring.volumes.count { ring.hand = 0 }
        let candidate = ring.volumes[ring.hand]
        if candidate !== volume, candidate.releaseFile() {
          ring.volumes.swapAt(ring.hand, ring.volumes.count - 1)
          ring.volumes.removeLast()
        } else {
          ring.hand += 1
        }
      }
    }
  }

  /// Forgets a volume that is no more.
  func remove(_ volume: StoredVolume) {
    ring.withLock { $0.volumes.removeAll { $0 === volume } }
  }

  /// Lets go of everything.
  func removeAll() {
    ring.withLock { $0.volumes.removeAll() }
  }
}
