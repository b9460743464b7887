/// Lets the signals of a crash (SIGSEGV, SIGBUS, SIGILL, SIGTRAP, SIGABRT, SIGFPE) leave a line on standard error, and a
/// backtrace, before they end the process as they would have without it.
///
/// Whatever handled such a signal before is called after it: with SWIFT_BACKTRACE=enable=yes that is Swift's own, longer
/// backtrace, which then takes the place of this one.
///
/// The line is `start`, the signal's name and `end`, each at most 255 bytes.
void cairn_report_fatal_signals(const char *start, const char *end);

/// Changes how many log lines wait to be written by another thread. A crash gives that thread a moment to write them.
void cairn_add_waiting_log_lines(long count);
