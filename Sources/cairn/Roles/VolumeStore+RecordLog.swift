package import CairnModel
import CairnObjects
package import CairnStorage

extension VolumeStore: RecordLog {
  package func ends() -> [VolumeID: UInt64] {
    Dictionary(volumes().map { ($0.id, $0.durableEnd) }, uniquingKeysWith: max)
  }

  package func records(
    in volume: VolumeID, from offset: UInt64, _ body: @escaping @Sendable (EncodedRecord) -> Void
  ) async throws {
    _ = try await scan(volume, from: offset) { _, record in body(record) }
  }
}
