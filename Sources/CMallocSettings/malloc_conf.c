#include "CMallocSettings.h"

// From 8 MiB on, which is a chunk of an upload, jemalloc gives memory back to the system as soon as it is freed, so that
// the next chunk costs 2,048 page faults. Without a threshold it keeps such memory for a while, as any other.
const char *malloc_conf = "oversize_threshold:0";
