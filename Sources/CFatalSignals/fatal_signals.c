#define _GNU_SOURCE
#include "CFatalSignals.h"

#include <execinfo.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

// Only what signal-safety(7) allows happens in the handler. `backtrace` is not in that list because its first call loads
// a library: it is called once beforehand.

enum { frames_max = 64, piece_max = 255, report_max = 4096, patience_steps = 50, patience_step_ms = 10 };

static const struct {
  int number;
  const char *name;
} fatal[] = {
    {SIGSEGV, "SIGSEGV"}, {SIGBUS, "SIGBUS"},   {SIGILL, "SIGILL"},
    {SIGTRAP, "SIGTRAP"}, {SIGABRT, "SIGABRT"}, {SIGFPE, "SIGFPE"},
};
enum { fatal_count = sizeof fatal / sizeof fatal[0] };

static struct sigaction earlier[fatal_count];
static char line_start[piece_max + 1];
static char line_end[piece_max + 1];
// Takes the backtrace, which comes in pieces, so that it can be written to standard error at once.
static int scratch = -1;
static atomic_long waiting_log_lines;
static atomic_flag is_reported = ATOMIC_FLAG_INIT;

void cairn_add_waiting_log_lines(long count) { atomic_fetch_add(&waiting_log_lines, count); }

// Gives the thread that writes the log half a second.
static void wait_for_log_lines(void) {
  const struct timespec step = {.tv_sec = 0, .tv_nsec = patience_step_ms * 1000000L};
  for (int i = 0; i < patience_steps && atomic_load(&waiting_log_lines) > 0; i++) nanosleep(&step, NULL);
}

static size_t append(char *report, size_t length, const char *text) {
  while (*text != '\0' && length < report_max) report[length++] = *text++;
  return length;
}

static size_t append_backtrace(char *report, size_t length) {
  void *frames[frames_max];
  if (scratch < 0) return length;
  backtrace_symbols_fd(frames, backtrace(frames, frames_max), scratch);
  ssize_t count = pread(scratch, report + length, report_max - length, 0);
  return count > 0 ? length + (size_t)count : length;
}

// By Swift's own handler, whose backtrace says more.
static int is_handled_by_others(int index) {
  return (earlier[index].sa_flags & SA_SIGINFO) != 0 || earlier[index].sa_handler != SIG_DFL;
}

static void report(int index) {
  static char text[report_max];
  wait_for_log_lines();
  // A pipe that nobody reads must not keep a process that has crashed. One with room takes the whole report: it is no
  // longer than PIPE_BUF.
  struct pollfd target = {.fd = STDERR_FILENO, .events = POLLOUT};
  if (poll(&target, 1, 0) != 1 || (target.revents & POLLOUT) == 0) return;
  size_t length = append(text, 0, line_start);
  length = append(text, length, fatal[index].name);
  length = append(text, length, line_end);
  if (!is_handled_by_others(index)) length = append_backtrace(text, length);
  ssize_t written = write(STDERR_FILENO, text, length);
  (void)written;
}

static void handle(int number, siginfo_t *info, void *context) {
  for (int index = 0; index < fatal_count; index++) {
    if (fatal[index].number != number) continue;
    // Of threads that crash together, one reports.
    if (!atomic_flag_test_and_set(&is_reported)) report(index);
    const struct sigaction *next = &earlier[index];
    if ((next->sa_flags & SA_SIGINFO) != 0) {
      next->sa_sigaction(number, info, context);
    } else if (next->sa_handler != SIG_DFL && next->sa_handler != SIG_IGN) {
      next->sa_handler(number);
    }
  }
  // The signal is blocked until this returns; then it ends the process, also where another process sent it.
  signal(number, SIG_DFL);
  raise(number);
}

static void copy(char *target, const char *text) {
  strncpy(target, text, piece_max);
  target[piece_max] = '\0';
}

void cairn_report_fatal_signals(const char *start, const char *end) {
  void *frame[1];
  backtrace(frame, 1);
  copy(line_start, start);
  copy(line_end, end);
  scratch = memfd_create("backtrace", MFD_CLOEXEC);
  struct sigaction action = {.sa_sigaction = handle, .sa_flags = SA_SIGINFO | SA_ONSTACK};
  sigemptyset(&action.sa_mask);
  for (int index = 0; index < fatal_count; index++) sigaction(fatal[index].number, &action, &earlier[index]);
}
