import CairnTestSupport
import Glibc

/// The input that is being tried, in a file that is mapped to memory: it is still there when the input has ended the
/// process, and costs no system call for each input.
struct RunningInput: ~Copyable {
  private static let lengthMax = FuzzTarget.inputLengthMax + 4096

  private let space: UnsafeMutableRawBufferPointer

  /// - Parameter path: of the file, which is made.
  init(at path: String) throws {
    let descriptor = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    guard descriptor >= 0, ftruncate(descriptor, off_t(Self.lengthMax)) == 0 else { throw FileProblem(path) }
    defer { close(descriptor) }
    guard let start = mmap(nil, Self.lengthMax, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0), start != MAP_FAILED
    else { throw FileProblem(path) }
    space = UnsafeMutableRawBufferPointer(start: start, count: Self.lengthMax)
  }

  deinit {
    munmap(space.baseAddress, space.count)
  }

  /// The file holds a length, and so many bytes: the name of the target, a line break, and the input.
  func set(_ target: FuzzTarget, _ bytes: [UInt8]) {
    let content = Array(target.name.utf8) + [UInt8(ascii: "\n")] + bytes.prefix(FuzzTarget.inputLengthMax)
    space.storeBytes(of: UInt64(content.count), as: UInt64.self)
    UnsafeMutableRawBufferPointer(rebasing: space[8...]).copyBytes(from: content)
  }

  /// Nothing is being tried any more.
  func clear() {
    space.storeBytes(of: 0, as: UInt64.self)
  }

  /// What a process that has ended left in the file; nil where it tried nothing.
  static func left(at path: String) -> (target: String, bytes: [UInt8])? {
    guard let content = read(path), content.count > 8 else { return nil }
    let count = content.withUnsafeBytes { Int($0.loadUnaligned(as: UInt64.self)) }
    let (name, rest) = FuzzInput(bytes: Array(content.dropFirst(8).prefix(count))).line()
    return count > 0 ? (name, rest.bytes) : nil
  }

  static func read(_ path: String) -> [UInt8]? {
    guard let file = fopen(path, "r") else { return nil }
    defer { fclose(file) }
    var bytes = [UInt8](repeating: 0, count: lengthMax)
    bytes.removeLast(lengthMax - fread(&bytes, 1, lengthMax, file))
    return bytes
  }

  static func write(_ bytes: [UInt8], to path: String) throws {
    guard let file = fopen(path, "w") else { throw FileProblem(path) }
    defer { fclose(file) }
    guard fwrite(bytes, 1, bytes.count, file) == bytes.count else { throw FileProblem(path) }
  }

  struct FileProblem: Error, CustomStringConvertible {
    let description: String

    init(_ path: String) {
      description = "\(path): \(String(cString: strerror(errno)))"
    }
  }
}

extension TemporaryFolder {
  /// In memory, where the system has files there: targets write some hundred thousand.
  static func inMemory(_ name: String) throws -> TemporaryFolder {
    let memory = "/dev/shm"
    return try TemporaryFolder(name, in: access(memory, W_OK) == 0 ? memory : nil)
  }
}
