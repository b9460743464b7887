import CairnTestSupport
import Glibc

/// What libFuzzer calls for each input.
///
/// - Returns: 0, as libFuzzer wants it. A broken property ends the process, and libFuzzer writes the input to a file.
@_cdecl("LLVMFuzzerTestOneInput")
func testOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  do {
    try Fuzzer.target.check(FuzzInput(bytes: Array(UnsafeBufferPointer(start: start, count: count))))
  } catch {
    fatalError("\(Fuzzer.target.name): \(error)")
  }
  return 0
}

/// What libFuzzer calls first. With `CAIRN_FUZZ_SEEDS` the process only writes the seeds of every target to that folder.
@_cdecl("LLVMFuzzerInitialize")
func initialize(_ count: UnsafeMutablePointer<CInt>?, _ arguments: UnsafeMutableRawPointer?) -> CInt {
  guard let folder = Environment.variable("CAIRN_FUZZ_SEEDS") else { return 0 }
  do {
    for target in FuzzTarget.all {
      let own = "\(folder)/\(target.name)"
      mkdir(own, 0o755)
      for (index, seed) in try target.seeds().enumerated() { try RunningInput.write(seed, to: "\(own)/seed-\(index)") }
    }
  } catch {
    fatalError("the seeds can't be written to \(folder): \(error)")
  }
  exit(0)
}

enum Fuzzer {
  /// The target that `CAIRN_FUZZ_TARGET` names.
  static let target: FuzzTarget = {
    do { return try FuzzTarget.named(Environment.variable("CAIRN_FUZZ_TARGET") ?? "") } catch { fatalError("\(error)") }
  }()
}
