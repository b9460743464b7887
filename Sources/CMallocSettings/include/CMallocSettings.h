/// What jemalloc reads when the program starts (jemalloc(3), "TUNING"). A user's MALLOC_CONF goes on top of it.
extern const char *malloc_conf;
