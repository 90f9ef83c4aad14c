#include "gateway/trim.h"

#include <malloc.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

void trim_startup_memory(void)
{
	char line[4400];
	malloc_trim(0);
	FILE *maps = fopen("/proc/self/maps", "re");
	if (maps == NULL)
		return;
	while (fgets(line, sizeof line, maps)) {
		char *end = NULL;
		/* "FROM-TO r-xp …": code is never written, so nothing is lost with its pages; data may hold
		 * relocations. */
		uintmax_t from = strtoumax(line, &end, 16);
		uintmax_t to = *end == '-' ? strtoumax(end + 1, &end, 16) : 0;
		if (to > from && strncmp(end, " r-xp", 5) == 0 && strchr(line, '/') != NULL)
			madvise((void *)(uintptr_t)from, (size_t)(to - from), MADV_DONTNEED);
	}
	fclose(maps);
}
