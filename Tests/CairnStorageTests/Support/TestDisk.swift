import CairnStorage
import Synchronization

/// The system's file operations, counted, and failing where a test wants them to.
final class TestDisk: Sendable {
  struct Plan: Sendable {
    var syncs = 0
    var renames = 0
    /// Syncs that still succeed before one fails with the code.
    var failingSync: (after: Int, code: Int32)?
    /// Bytes that may still be written before writing fails with the code.
    var failingWrite: (after: Int, code: Int32)?
    /// The most that one write takes.
    var writeMax = Int.max
    var free: UInt64?
    var pageCacheAnswers = true
    /// Called before each sync, rename and truncation.
    var beforeStep: (@Sendable (String) -> Void)?
  }

  let plan = Mutex(Plan())

  func set(_ change: @Sendable (inout sending Plan) -> Void) {
    plan.withLock { change(&$0) }
  }

  var syncs: Int { plan.withLock { $0.syncs } }

  private func step(_ name: String) {
    plan.withLock { $0.beforeStep }?(name)
  }

  var operations: FileOperations {
    var operations = FileOperations.system
    let system = FileOperations.system
    operations.sync = { [self] (descriptor) throws(SystemError) in
      step("sync")
      let failure: Int32? = plan.withLock { plan in
        plan.syncs += 1
        guard let (after, code) = plan.failingSync else { return nil }
        plan.failingSync = after > 0 ? (after - 1, code) : nil
        return after == 0 ? code : nil
      }
      if let failure { throw SystemError(call: "fdatasync", code: failure) }
      try system.sync(descriptor)
    }
    operations.write = { [self] (descriptor, bytes, offset) throws(SystemError) in
      let allowed: Result<Int, SystemError> = plan.withLock { plan in
        var count = min(bytes.count, plan.writeMax)
        guard let (after, code) = plan.failingWrite else { return .success(count) }
        if after == 0 { return .failure(SystemError(call: "pwrite", code: code)) }
        count = min(count, after)
        plan.failingWrite = (after - count, code)
        return .success(count)
      }
      return try system.write(descriptor, UnsafeRawBufferPointer(rebasing: bytes.prefix(try allowed.get())), offset)
    }
    operations.rename = { [self] (from, to) throws(SystemError) in
      step("rename \(to)")
      plan.withLock { $0.renames += 1 }
      try system.rename(from, to)
    }
    operations.truncate = { [self] (descriptor, length) throws(SystemError) in
      step("truncate")
      try system.truncate(descriptor, length)
    }
    operations.readCached = { [self] descriptor, bytes, offset in
      plan.withLock { $0.pageCacheAnswers } ? system.readCached(descriptor, bytes, offset) : nil
    }
    operations.space = { [self] (path) throws(SystemError) in
      var space = try system.space(path)
      if let free = plan.withLock({ $0.free }) { space.free = free }
      return space
    }
    return operations
  }
}
