// Tells the Thread Sanitizer what orders Swift's threads and tasks where it can't see it: preloaded into the tests by
// scripts/sanitize. The functions below belong to libraries of the toolchain, which are not instrumented.
//
// 1. `Mutex`. Without contention it is a compare-and-exchange that is inlined into our modules, where the sanitizer sees
//    it. With contention the lock changes hands in the kernel (FUTEX_LOCK_PI), through two functions of
//    libswiftSynchronization.
// 2. Continuations. A task that is resumed before it waits does not go through a queue, whose order the sanitizer knows: it
//    finds the value at once, in libswift_Concurrency. So whoever resumes a task waits a moment, until the task waits.
//
// Without this, what one thread did before is taken for unordered with what the next one does after.
// Sources: https://github.com/swiftlang/swift, stdlib/public/Synchronization/Mutex and stdlib/public/Concurrency/Task.cpp.

#define _GNU_SOURCE
#include <dlfcn.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#define SWIFT __attribute__((swiftcall))
#define SELF __attribute__((swift_context))
#define ASYNC __attribute__((swiftasynccall))
#define CONTEXT __attribute__((swift_async_context))

#define LOCK_SLOW "$s15Synchronization12_MutexHandleV9_lockSlowyys6UInt32VF"
#define UNLOCK_SLOW "$s15Synchronization12_MutexHandleV11_unlockSlowyyF"

static void (*tsan_acquire)(void *address);
static void (*tsan_release)(void *address);

static SWIFT void (*next_lock)(uint32_t thread, SELF void *mutex);
static SWIFT void (*next_unlock)(SELF void *mutex);
static ASYNC void (*next_await)(CONTEXT void *continuation);
static SWIFT void (*next_resume)(void *task);
static SWIFT void (*next_throwing_resume)(void *task);
static SWIFT void (*next_throwing_resume_with_error)(void *task, void *error);
static SWIFT void *(*current_task)(void);

__attribute__((constructor)) static void find_functions(void) {
  // Programs that the tests start have no sanitizer.
  *(void **)&tsan_acquire = dlsym(RTLD_DEFAULT, "__tsan_acquire");
  *(void **)&tsan_release = dlsym(RTLD_DEFAULT, "__tsan_release");
  *(void **)&next_lock = dlsym(RTLD_NEXT, LOCK_SLOW);
  *(void **)&next_unlock = dlsym(RTLD_NEXT, UNLOCK_SLOW);
  *(void **)&next_await = dlsym(RTLD_NEXT, "swift_continuation_await");
  *(void **)&next_resume = dlsym(RTLD_NEXT, "swift_continuation_resume");
  *(void **)&next_throwing_resume = dlsym(RTLD_NEXT, "swift_continuation_throwingResume");
  *(void **)&next_throwing_resume_with_error = dlsym(RTLD_NEXT, "swift_continuation_throwingResumeWithError");
  *(void **)&current_task = dlsym(RTLD_NEXT, "swift_task_getCurrent");
}

static void acquire(void *address) {
  if (tsan_acquire) tsan_acquire(address);
}

static void release(void *address) {
  if (tsan_release) tsan_release(address);
}

SWIFT void lock_slow(uint32_t thread, SELF void *mutex) __asm__(LOCK_SLOW);
SWIFT void lock_slow(uint32_t thread, SELF void *mutex) {
  next_lock(thread, mutex);
  acquire(mutex);
}

SWIFT void unlock_slow(SELF void *mutex) __asm__(UNLOCK_SLOW);
SWIFT void unlock_slow(SELF void *mutex) {
  release(mutex);
  next_unlock(mutex);
}

// The parts of `AsyncTask` and `ContinuationAsyncContext` that compiled code knows as well (include/swift/ABI/Task.h).
struct continuation {
  void *parent;
  void *resume_parent;
  size_t flags;
  _Atomic size_t status;
};
struct task {
  void *job[8];
  struct continuation *resume_context;
};
enum { STATUS_PENDING = 0, STATUS_RESUMED = 2, WAITS_MAX = 200 };

static void let_wait(struct task *task) {
  // One that resumes itself waits for nobody. The others wait in vain where the task needs a lock that they hold.
  if (!tsan_acquire || current_task() == task) return;
  for (int waits = 0; task->resume_context->status == STATUS_PENDING && waits < WAITS_MAX; waits++) usleep(10);
  release(task);
}

ASYNC void swift_continuation_await(CONTEXT void *continuation) {
  // Only here, where somebody did not wait long enough: the sanitizer crashes if this is done for each continuation.
  if (((struct continuation *)continuation)->status == STATUS_RESUMED) acquire(current_task());
  __attribute__((musttail)) return next_await(continuation);
}

SWIFT void swift_continuation_resume(void *task) {
  let_wait(task);
  next_resume(task);
}

SWIFT void swift_continuation_throwingResume(void *task) {
  let_wait(task);
  next_throwing_resume(task);
}

SWIFT void swift_continuation_throwingResumeWithError(void *task, void *error) {
  let_wait(task);
  next_throwing_resume_with_error(task, error);
}
