/* Preloaded into a program under test: its wall clock stands WEIR_SHIFT_SECONDS off, so that calls are priced
 * as of another day. The monotonic clock is left alone. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>

int clock_gettime(clockid_t id, struct timespec *t)
{
	static int (*real)(clockid_t, struct timespec *);
	static long shift;
	if (real == NULL) {
		const char *text = getenv("WEIR_SHIFT_SECONDS");
		shift = text ? strtol(text, NULL, 10) : 0;
		*(void **)&real = dlsym(RTLD_NEXT, "clock_gettime");
	}
	int r = real(id, t);
	if (r == 0 && id == CLOCK_REALTIME)
		t->tv_sec += shift;
	return r;
}
