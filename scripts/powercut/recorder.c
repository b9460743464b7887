// Records, in order, every change that a process makes to the files below one folder: bytes, sizes, names, syncs.
//
// Preloaded into the processes under test (LD_PRELOAD); all of them and the load append to one journal, whose order
// is the order of the changes. A change and its entry are made under one lock, so no change is seen before it is
// written down. `disk.py` makes the images of it that a loss of power could leave.
//
//   POWERCUT_ROOT       the folder, absolute and without symbolic links
//   POWERCUT_JOURNAL    the journal, outside of it
//   POWERCUT_KILL       a named pipe: opening it for writing kills the process, never between a change and its entry
//   POWERCUT_DIE_AFTER  a number of entries: the process dies right behind the last of them
//   POWERCUT_SYNC_US    how long a sync takes; it only waits, as the images are made from the journal
//
// Not recorded: files whose names end in -shm, which SQLite makes anew; changes through memory maps, `fopen`, or
// calls that don't go through the C library's symbols. The harness compares the journal with the folder afterwards,
// and so sees when a program makes such.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum kind {
  OPENED = 1, CREATED, WRITTEN, SIZED, SYNC_BEGUN, SYNCED, RENAMED, UNLINKED, FOLDER_MADE, FOLDER_REMOVED, LINKED
};

// As `journal.py` reads it.
struct entry {
  uint32_t length;  // of what follows
  uint32_t kind;
  uint64_t handle;  // of an open file
  uint64_t number;  // an offset, a size, or which sync
};

#define DESCRIPTORS 65536
// Which of the process's open files each descriptor is; 0 where it is none that is recorded.
static _Atomic uint64_t handles[DESCRIPTORS];
static _Atomic uint64_t last_number;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char root[PATH_MAX];
static size_t root_length;
static int journal = -1;
static useconds_t sync_us;
// Entries that this process may still make; negative where it may make any number.
static long entries_left = -1;

static void fail(const char *what) {
  dprintf(2, "powercut: %s: %s\n", what, strerror(errno));
  _exit(97);
}

static uint64_t next_number(void) { return (uint64_t)getpid() << 32 | (atomic_fetch_add(&last_number, 1) + 1); }

static uint64_t handle_of(int descriptor) {
  return descriptor >= 0 && descriptor < DESCRIPTORS ? atomic_load(&handles[descriptor]) : 0;
}

// Appends an entry, under the lock. One call, and the file is open for appending: entries of processes never mix.
static void record(enum kind kind, uint64_t handle, uint64_t number, const struct iovec *parts, int count) {
  struct entry entry = {0, kind, handle, number};
  struct iovec vectors[IOV_MAX];
  if (count >= IOV_MAX) fail("too many buffers");
  for (int part = 0; part < count; part++) {
    vectors[part + 1] = parts[part];
    entry.length += parts[part].iov_len;
  }
  vectors[0] = (struct iovec){&entry, sizeof entry};
  if (syscall(SYS_writev, journal, vectors, count + 1) != (long)(sizeof entry + entry.length)) fail("the journal");
  if (entries_left > 0 && --entries_left == 0) {
    kill(getpid(), SIGKILL);
    pause();
  }
}

static void record_path(enum kind kind, uint64_t handle, const char *path) {
  record(kind, handle, 0, &(struct iovec){(void *)path, strlen(path)}, 1);
}

static void record_paths(enum kind kind, const char *from, const char *to) {
  record(kind, 0, 0, (struct iovec[]){{(void *)from, strlen(from) + 1}, {(void *)to, strlen(to)}}, 2);
}

// The path below the root; NULL where it isn't, or isn't recorded.
static const char *tracked(int folder, const char *path, char *space) {
  if (journal < 0 || !path) return NULL;
  if (path[0] != '/') {
    char base[PATH_MAX], link[32];
    ssize_t length = -1;
    if (folder == AT_FDCWD) {
      if (getcwd(base, sizeof base)) length = strlen(base);
    } else {
      snprintf(link, sizeof link, "/proc/self/fd/%d", folder);
      length = readlink(link, base, sizeof base - 1);
    }
    if (length < 0 || snprintf(space, PATH_MAX, "%.*s/%s", (int)length, base, path) >= PATH_MAX) return NULL;
    path = space;
  }
  if (strncmp(path, root, root_length) != 0 || (path[root_length] != '/' && path[root_length] != 0)) return NULL;
  size_t length = strlen(path);
  if (length > 4 && strcmp(path + length - 4, "-shm") == 0) return NULL;
  return path + root_length;
}

static void begin(void) { pthread_mutex_lock(&lock); }

static void end(void) {
  int code = errno;
  pthread_mutex_unlock(&lock);
  errno = code;
}

static void *wait_for_end(void *path) {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, NULL);
  if (syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC) < 0) return NULL;
  begin();
  kill(getpid(), SIGKILL);
  pause();
  return NULL;
}

__attribute__((constructor)) static void start(void) {
  const char *folder = getenv("POWERCUT_ROOT"), *path = getenv("POWERCUT_JOURNAL"), *pipe = getenv("POWERCUT_KILL"),
             *time = getenv("POWERCUT_SYNC_US"), *entries = getenv("POWERCUT_DIE_AFTER");
  if (!folder || !path) return;
  root_length = strlen(folder);
  if (root_length >= sizeof root) fail(folder);
  memcpy(root, folder, root_length + 1);
  sync_us = time ? (useconds_t)atoi(time) : 0;
  if (entries) entries_left = atol(entries);
  int opened = syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_APPEND | O_CLOEXEC);
  if (opened < 0) fail(path);
  // Out of the way of programs that expect low numbers.
  journal = fcntl(opened, F_DUPFD_CLOEXEC, 900);
  if (journal < 0) fail(path);
  syscall(SYS_close, opened);
  pthread_t thread;
  if (pipe && pthread_create(&thread, NULL, wait_for_end, (void *)pipe) != 0) fail(pipe);
}

// MARK: Open and close

static int open_recorded(int folder, const char *path, int flags, mode_t mode) {
  char space[PATH_MAX];
  const char *name = tracked(folder, path, space);
  if (!name) return syscall(SYS_openat, folder, path, flags, mode);
  begin();
  struct stat before;
  int is_there = fstatat(folder, path, &before, 0) == 0;
  int descriptor = syscall(SYS_openat, folder, path, flags, mode);
  if (descriptor >= DESCRIPTORS) fail("too many descriptors");
  if (descriptor >= 0) {
    uint64_t handle = next_number();
    record_path(is_there ? OPENED : CREATED, handle, name);
    if (is_there && (flags & O_TRUNC) && before.st_size > 0) record(SIZED, handle, 0, NULL, 0);
    atomic_store(&handles[descriptor], handle);
  }
  end();
  return descriptor;
}

static mode_t mode_of(int flags, va_list list) { return flags & (O_CREAT | O_TMPFILE) ? va_arg(list, mode_t) : 0; }

#define OPEN(name)                                                                                                     \
  int name(const char *path, int flags, ...) {                                                                         \
    va_list list;                                                                                                      \
    va_start(list, flags);                                                                                             \
    mode_t mode = mode_of(flags, list);                                                                                \
    va_end(list);                                                                                                      \
    return open_recorded(AT_FDCWD, path, flags, mode);                                                                 \
  }
#define OPENAT(name)                                                                                                   \
  int name(int folder, const char *path, int flags, ...) {                                                             \
    va_list list;                                                                                                      \
    va_start(list, flags);                                                                                             \
    mode_t mode = mode_of(flags, list);                                                                                \
    va_end(list);                                                                                                      \
    return open_recorded(folder, path, flags, mode);                                                                   \
  }
OPEN(open)
OPEN(open64)
OPENAT(openat)
OPENAT(openat64)
int __open_2(const char *path, int flags) { return open_recorded(AT_FDCWD, path, flags, 0); }
int __open64_2(const char *path, int flags) { return open_recorded(AT_FDCWD, path, flags, 0); }
int __openat_2(int folder, const char *path, int flags) { return open_recorded(folder, path, flags, 0); }
int __openat64_2(int folder, const char *path, int flags) { return open_recorded(folder, path, flags, 0); }
int creat(const char *path, mode_t mode) { return open_recorded(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode); }
int creat64(const char *path, mode_t mode) { return creat(path, mode); }

int close(int descriptor) {
  if (handle_of(descriptor)) atomic_store(&handles[descriptor], 0);
  return syscall(SYS_close, descriptor);
}

int fclose(FILE *file) {
  int (*next)(FILE *) = dlsym(RTLD_NEXT, "fclose");
  int descriptor = fileno(file);
  if (handle_of(descriptor)) atomic_store(&handles[descriptor], 0);
  return next(file);
}

// MARK: Bytes and sizes

// Writes down what a call has written: the first `count` bytes of `parts`.
static void record_written(uint64_t handle, off_t offset, const struct iovec *parts, int number, size_t count) {
  struct iovec taken[IOV_MAX];
  int used = 0;
  for (int part = 0; part < number && count > 0; part++) {
    size_t length = parts[part].iov_len < count ? parts[part].iov_len : count;
    taken[used++] = (struct iovec){parts[part].iov_base, length};
    count -= length;
  }
  record(WRITTEN, handle, offset, taken, used);
}

static ssize_t write_recorded(int descriptor, const struct iovec *parts, int count) {
  uint64_t handle = handle_of(descriptor);
  if (!handle) return syscall(SYS_writev, descriptor, parts, count);
  begin();
  ssize_t written = syscall(SYS_writev, descriptor, parts, count);
  if (written > 0) record_written(handle, lseek(descriptor, 0, SEEK_CUR) - written, parts, count, written);
  end();
  return written;
}

static ssize_t pwrite_recorded(int descriptor, const struct iovec *parts, int count, off_t offset, int flags) {
  uint64_t handle = handle_of(descriptor);
  if (!handle) return syscall(SYS_pwritev2, descriptor, parts, count, offset, 0, flags);
  begin();
  ssize_t written = syscall(SYS_pwritev2, descriptor, parts, count, offset, 0, flags);
  if (written > 0) record_written(handle, offset, parts, count, written);
  end();
  return written;
}

ssize_t write(int descriptor, const void *bytes, size_t count) {
  if (!handle_of(descriptor)) return syscall(SYS_write, descriptor, bytes, count);
  return write_recorded(descriptor, &(struct iovec){(void *)bytes, count}, 1);
}
ssize_t writev(int descriptor, const struct iovec *parts, int count) {
  return write_recorded(descriptor, parts, count);
}
ssize_t pwrite(int descriptor, const void *bytes, size_t count, off_t offset) {
  if (!handle_of(descriptor)) return syscall(SYS_pwrite64, descriptor, bytes, count, offset);
  return pwrite_recorded(descriptor, &(struct iovec){(void *)bytes, count}, 1, offset, 0);
}
ssize_t pwrite64(int descriptor, const void *bytes, size_t count, off_t offset) {
  return pwrite(descriptor, bytes, count, offset);
}
ssize_t pwritev(int descriptor, const struct iovec *parts, int count, off_t offset) {
  return pwrite_recorded(descriptor, parts, count, offset, 0);
}
ssize_t pwritev64(int descriptor, const struct iovec *parts, int count, off_t offset) {
  return pwrite_recorded(descriptor, parts, count, offset, 0);
}
ssize_t pwritev2(int descriptor, const struct iovec *parts, int count, off_t offset, int flags) {
  return pwrite_recorded(descriptor, parts, count, offset, flags);
}

int ftruncate(int descriptor, off_t length) {
  uint64_t handle = handle_of(descriptor);
  if (!handle) return syscall(SYS_ftruncate, descriptor, length);
  begin();
  int result = syscall(SYS_ftruncate, descriptor, length);
  if (result == 0) record(SIZED, handle, length, NULL, 0);
  end();
  return result;
}
int ftruncate64(int descriptor, off_t length) { return ftruncate(descriptor, length); }

int truncate(const char *path, off_t length) {
  int descriptor = open_recorded(AT_FDCWD, path, O_WRONLY | O_CLOEXEC, 0);
  if (descriptor < 0) return -1;
  int result = ftruncate(descriptor, length), code = errno;
  close(descriptor);
  errno = code;
  return result;
}
int truncate64(const char *path, off_t length) { return truncate(path, length); }

int fallocate(int descriptor, int mode, off_t offset, off_t length) {
  uint64_t handle = handle_of(descriptor);
  if (!handle) return syscall(SYS_fallocate, descriptor, mode, offset, length);
  if (mode & ~FALLOC_FL_KEEP_SIZE) {
    errno = EOPNOTSUPP;
    return -1;
  }
  begin();
  struct stat before;
  int result = fstat(descriptor, &before);
  if (result == 0) result = syscall(SYS_fallocate, descriptor, mode, offset, length);
  if (result == 0 && !mode && offset + length > before.st_size) record(SIZED, handle, offset + length, NULL, 0);
  end();
  return result;
}
int fallocate64(int descriptor, int mode, off_t offset, off_t length) {
  return fallocate(descriptor, mode, offset, length);
}
int posix_fallocate(int descriptor, off_t offset, off_t length) {
  return fallocate(descriptor, 0, offset, length) == 0 ? 0 : errno;
}
int posix_fallocate64(int descriptor, off_t offset, off_t length) {
  return posix_fallocate(descriptor, offset, length);
}

// MARK: Syncs

// What was written before the call is on the disk when it returns; what is written meanwhile may be, or not.
static int sync_recorded(int descriptor, long call) {
  uint64_t handle = handle_of(descriptor);
  if (!handle) return syscall(call, descriptor);
  uint64_t number = next_number();
  begin();
  record(SYNC_BEGUN, handle, number, NULL, 0);
  end();
  if (sync_us) usleep(sync_us);
  begin();
  record(SYNCED, handle, number, NULL, 0);
  end();
  return 0;
}
int fsync(int descriptor) { return sync_recorded(descriptor, SYS_fsync); }
int fdatasync(int descriptor) { return sync_recorded(descriptor, SYS_fdatasync); }

// MARK: Names

static int rename_recorded(int folder, const char *from, int target, const char *to, unsigned flags) {
  char space[PATH_MAX], more[PATH_MAX];
  const char *old = tracked(folder, from, space), *new = tracked(target, to, more);
  if (!old && !new) return syscall(SYS_renameat2, folder, from, target, to, flags);
  begin();
  int result = syscall(SYS_renameat2, folder, from, target, to, flags);
  if (result == 0) {
    if (!old || !new || flags > 1) fail("a rename out of the folder");
    record_paths(RENAMED, old, new);
  }
  end();
  return result;
}
int rename(const char *from, const char *to) { return rename_recorded(AT_FDCWD, from, AT_FDCWD, to, 0); }
int renameat(int folder, const char *from, int target, const char *to) {
  return rename_recorded(folder, from, target, to, 0);
}
int renameat2(int folder, const char *from, int target, const char *to, unsigned flags) {
  return rename_recorded(folder, from, target, to, flags);
}

static int remove_recorded(int folder, const char *path, int flags) {
  char space[PATH_MAX];
  const char *name = tracked(folder, path, space);
  if (!name) return syscall(SYS_unlinkat, folder, path, flags);
  begin();
  int result = syscall(SYS_unlinkat, folder, path, flags);
  if (result == 0) record_path(flags & AT_REMOVEDIR ? FOLDER_REMOVED : UNLINKED, 0, name);
  end();
  return result;
}
int unlink(const char *path) { return remove_recorded(AT_FDCWD, path, 0); }
int unlinkat(int folder, const char *path, int flags) { return remove_recorded(folder, path, flags); }
int rmdir(const char *path) { return remove_recorded(AT_FDCWD, path, AT_REMOVEDIR); }
int remove(const char *path) {
  int result = unlink(path);
  return result != 0 && (errno == EISDIR || errno == EPERM) ? rmdir(path) : result;
}

int mkdirat(int folder, const char *path, mode_t mode) {
  char space[PATH_MAX];
  const char *name = tracked(folder, path, space);
  if (!name) return syscall(SYS_mkdirat, folder, path, mode);
  begin();
  int result = syscall(SYS_mkdirat, folder, path, mode);
  if (result == 0) record_path(FOLDER_MADE, 0, name);
  end();
  return result;
}
int mkdir(const char *path, mode_t mode) { return mkdirat(AT_FDCWD, path, mode); }

int linkat(int folder, const char *from, int target, const char *to, int flags) {
  char space[PATH_MAX], more[PATH_MAX];
  const char *old = tracked(folder, from, space), *new = tracked(target, to, more);
  if (!old && !new) return syscall(SYS_linkat, folder, from, target, to, flags);
  begin();
  int result = syscall(SYS_linkat, folder, from, target, to, flags);
  if (result == 0) {
    if (!old || !new) fail("a link out of the folder");
    record_paths(LINKED, old, new);
  }
  end();
  return result;
}
int link(const char *from, const char *to) { return linkat(AT_FDCWD, from, AT_FDCWD, to, 0); }
