/* Settings out of any text: no crash, no leak, every fault with a place in the file, and the same verdict
 * twice. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "model/settings.h"
#include "text/yaml.h"

struct told {
	const char *file;
	size_t faults;
	unsigned long long sum; /* of the messages */
};

static void on_error(void *arg, const char *line)
{
	struct told *t = arg;
	size_t n = strlen(t->file);
	if (strncmp(line, t->file, n) != 0 && strstr(line, "more faults are not shown") == NULL)
		abort();
	for (const char *p = line; *p; p++) {
		if (*p == '\n')
			abort(); /* a line each */
		t->sum = t->sum * 31 + (unsigned char)*p;
	}
	t->faults++;
}

static bool load(const char *file, struct told *t)
{
	*t = (struct told){.file = file};
	struct settings *s = settings_load_with(
	    slice_of(file), SETTINGS_NO_SECRETS | SETTINGS_NO_FOLDER | SETTINGS_NO_PRICES, on_error, t);
	if ((s == NULL) != (t->faults > 0))
		abort();
	bool fallback;
	if (s && s->providers_n)
		settings_price(s, &s->providers[0], SLICE("model"), 0, &fallback);
	settings_unref(s);
	return s != NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char file[64];
	struct told one, two;
	int fd = memfd_create("settings", MFD_CLOEXEC);
	if (fd < 0 || write(fd, data, n) != (ssize_t)n)
		abort();
	snprintf(file, sizeof file, "/proc/self/fd/%d", fd);
	if (load(file, &one) != load(file, &two) || one.faults != two.faults || one.sum != two.sum)
		abort();
	close(fd);
	return 0;
}
