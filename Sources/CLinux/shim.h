#pragma once
#include <errno.h>
#include <sys/types.h>
#include <sys/uio.h>

// What the C library declares only for _GNU_SOURCE, which Swift's Glibc module is built without.
#if defined(__linux__)
#include <fcntl.h>
#include <stdbool.h>

/// The flag of `open` with which reads pass the page cache by; 0 where there is none.
static const int cairn_open_direct = __O_DIRECT;

extern int sync_file_range(int descriptor, off_t offset, off_t count, unsigned int flags);
extern ssize_t preadv2(int descriptor, const struct iovec *vectors, int count, off_t offset, int flags);

/// `preadv2` of one buffer with RWF_NOWAIT: what the page cache has, or -1 with EAGAIN.
static inline ssize_t cairn_read_cached(int descriptor, void *bytes, size_t count, off_t offset) {
  struct iovec vector = {bytes, count};
  return preadv2(descriptor, &vector, 1, offset, 0x00000008);
}

/// `sync_file_range` with SYNC_FILE_RANGE_WRITE: the kernel begins to write the range, nobody waits for it.
static inline void cairn_start_writeback(int descriptor, off_t offset, off_t count) {
  (void)sync_file_range(descriptor, offset, count, 2);
}

/// The flag of `open` for a descriptor that only names a file or folder.
static const int cairn_open_path = __O_PATH;

extern long syscall(long number, ...);

/// Opens a folder below another one with `openat2`, RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH: only
/// names, no symbolic link and no `..` that leads out. -1 with ENOSYS or EPERM where the kernel or a sandbox lacks it.
static inline int cairn_open_folder_beneath(int folder, const char *path) {
  struct { unsigned long long flags, mode, resolve; } how = {__O_PATH | O_DIRECTORY | O_CLOEXEC, 0, 0x02 | 0x04 | 0x08};
  return (int)syscall(437, folder, path, &how, sizeof how);
}

struct sched_param;
extern int sched_setscheduler(pid_t thread, int policy, const struct sched_param *parameters);

/// Makes the calling thread, from its first call on, one that never interrupts others when it wakes (SCHED_BATCH).
static inline void cairn_run_as_batch(void) {
  static _Thread_local bool is_batch = false;
  if (is_batch) return;
  is_batch = true;
  const int priority = 0;
  (void)sched_setscheduler(0, 3, (const struct sched_param *)&priority);
}

#else

static const int cairn_open_direct = 0;
static const int cairn_open_path = 0;

static inline int cairn_open_folder_beneath(int folder, const char *path) {
  errno = ENOSYS;
  return -1;
}

static inline ssize_t cairn_read_cached(int descriptor, void *bytes, size_t count, off_t offset) {
  errno = EOPNOTSUPP;
  return -1;
}

static inline void cairn_start_writeback(int descriptor, off_t offset, off_t count) {}

static inline void cairn_run_as_batch(void) {}

#endif
