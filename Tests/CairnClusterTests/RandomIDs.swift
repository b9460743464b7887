import CairnModel

/// Ids out of a generator, so that a seed gives the same cluster again. They are as good as distinct, unlike those of
/// `VolumeID.make`, which has 22 random bits for all volumes of a millisecond: a test makes hundreds in one.
extension VolumeID {
  static func random(using random: inout some RandomNumberGenerator) -> VolumeID {
    VolumeID(rawValue: .random(in: .min ... .max, using: &random))
  }
}

extension NodeID {
  static func random(using random: inout some RandomNumberGenerator) -> NodeID {
    let digits = (0..<2).map { _ in VolumeID.random(using: &random).description }.joined()
    guard let id = NodeID(digits) else { preconditionFailure("'\(digits)' is not 32 hexadecimal digits") }
    return id
  }
}
