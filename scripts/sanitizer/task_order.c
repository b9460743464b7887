// Tells the Thread Sanitizer what orders Swift's threads and tasks where it can't see it: preloaded into the tests by
// scripts/sanitize. The functions below belong to libraries of the toolchain, which are not instrumented.
//
// 1. `Mutex`. Without contention it is a compare-and-exchange that is inlined into our modules, where the sanitizer sees
//    it. With contention the lock changes hands in the kernel (FUTEX_LOCK_PI), through two functions of
//    libswiftSynchronization.
// 2. Continuations. Whoever resumes a task tells the sanitizer, and so does the queue through which it goes. But a task
//    that was resumed before it waits goes through no queue: it finds the value at once, in libswift_Concurrency. Most
//    waits begin in that library as well (`withCheckedContinuation`), so its function is patched in memory.
//
// Without this, what one thread did before is taken for unordered with what the next one does after.
// Sources: https://github.com/swiftlang/swift, stdlib/public/Synchronization/Mutex and stdlib/public/Concurrency/Task.cpp.

#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define SWIFT __attribute__((swiftcall))
#define SELF __attribute__((swift_context))
#define ASYNC __attribute__((swiftasynccall))
#define CONTEXT __attribute__((swift_async_context))

#define LOCK_SLOW "$s15Synchronization12_MutexHandleV9_lockSlowyys6UInt32VF"
#define UNLOCK_SLOW "$s15Synchronization12_MutexHandleV11_unlockSlowyyF"

// The part of `ContinuationAsyncContext` that compiled code knows as well (include/swift/ABI/Task.h).
typedef ASYNC void (*resume_function)(CONTEXT void *context);
struct continuation {
  void *parent;
  resume_function resume_parent;
};

static void (*tsan_acquire)(void *address);
static void (*tsan_release)(void *address);

static SWIFT void (*next_lock)(uint32_t thread, SELF void *mutex);
static SWIFT void (*next_unlock)(SELF void *mutex);
// The rest of `swift_continuation_await`, behind what is patched.
static ASYNC void (*next_await)(void *continuation);
static SWIFT void *(*current_task)(void);

SWIFT void lock_slow(uint32_t thread, SELF void *mutex) __asm__(LOCK_SLOW);
SWIFT void lock_slow(uint32_t thread, SELF void *mutex) {
  next_lock(thread, mutex);
  if (tsan_acquire) tsan_acquire(mutex);
}

SWIFT void unlock_slow(SELF void *mutex) __asm__(UNLOCK_SLOW);
SWIFT void unlock_slow(SELF void *mutex) {
  if (tsan_release) tsan_release(mutex);
  next_unlock(mutex);
}

// Where each task goes on after the continuation that it waits for: a hash table of the tasks' addresses.
enum { PLACES = 1 << 20 };
static struct {
  _Atomic(void *) task;
  resume_function resume;
} places[PLACES];

static resume_function *place_of(void *task) {
  for (size_t index = (uintptr_t)task >> 4;; index++) {
    size_t at = index % PLACES;
    void *found = NULL;
    if (places[at].task == task || atomic_compare_exchange_strong(&places[at].task, &found, task) || found == task)
      return &places[at].resume;
  }
}

static ASYNC void resume(CONTEXT void *continuation) {
  void *task = current_task();
  tsan_acquire(task);
  resume_function next = *place_of(task);
  __attribute__((musttail)) return next(continuation);
}

// A task that has to wait does not go on where this says, but where its continuation said when it was made.
static ASYNC void await_continuation(void *context) {
  struct continuation *continuation = context;
  *place_of(current_task()) = continuation->resume_parent;
  continuation->resume_parent = resume;
  __attribute__((musttail)) return next_await(context);
}

// How `swift_continuation_await` begins in Swift 6.3.1 for x86-64: instructions that can be moved elsewhere.
static const uint8_t beginning[] = {
    0x55,                    // push %rbp
    0x48, 0x89, 0xe5,        // mov  %rsp, %rbp
    0x41, 0x57,              // push %r15
    0x41, 0x54,              // push %r12
    0x53,                    // push %rbx
    0x48, 0x83, 0xec, 0x38,  // sub  $0x38, %rsp
};
enum { JUMP_LENGTH = 12 };

static void write_jump(uint8_t *code, const void *target) {
  memcpy(code, "\x48\xb8........\xff\xe0", JUMP_LENGTH);  // movabs $target, %rax; jmp *%rax
  memcpy(code + 2, &target, sizeof target);
}

static void patch_await(void) {
  uint8_t *function = dlsym(RTLD_DEFAULT, "swift_continuation_await");
  if (!function || memcmp(function, beginning, sizeof beginning) != 0) {
    fputs("task_order: swift_continuation_await is not the one of Swift 6.3.1 for x86-64\n", stderr);
    exit(1);
  }
  uintptr_t page_size = (uintptr_t)sysconf(_SC_PAGESIZE);
  uint8_t *moved = mmap(NULL, page_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  uint8_t *page = (uint8_t *)((uintptr_t)function & ~(page_size - 1));
  if (moved == MAP_FAILED || mprotect(page, 2 * page_size, PROT_READ | PROT_WRITE | PROT_EXEC) != 0) {
    perror("task_order: swift_continuation_await can't be patched");
    exit(1);
  }
  memcpy(moved, beginning, sizeof beginning);
  write_jump(moved + sizeof beginning, function + sizeof beginning);
  mprotect(moved, page_size, PROT_READ | PROT_EXEC);
  *(void **)&next_await = moved;
  write_jump(function, (void *)await_continuation);
  mprotect(page, 2 * page_size, PROT_READ | PROT_EXEC);
}

__attribute__((constructor)) static void find_functions(void) {
  // Programs that the tests start have no sanitizer.
  *(void **)&tsan_acquire = dlsym(RTLD_DEFAULT, "__tsan_acquire");
  *(void **)&tsan_release = dlsym(RTLD_DEFAULT, "__tsan_release");
  *(void **)&next_lock = dlsym(RTLD_NEXT, LOCK_SLOW);
  *(void **)&next_unlock = dlsym(RTLD_NEXT, UNLOCK_SLOW);
  *(void **)&current_task = dlsym(RTLD_DEFAULT, "swift_task_getCurrent");
  if (tsan_acquire) patch_await();
}
