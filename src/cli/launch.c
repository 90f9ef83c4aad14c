#include "cli/launch.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define MEMORY_MAX (16u << 20)

int launch_init(struct launch *l, int argc, char **argv, char **environ_)
{
	*l = (struct launch){0};
	arena_init(&l->mem, MEMORY_MAX);
	for (; (int)l->argc < argc && l->argc < LAUNCH_WORDS_MAX; l->argc++)
		l->argv[l->argc] = argv[l->argc];
	for (; environ_ && environ_[l->envc] && l->envc < LAUNCH_ENV_MAX; l->envc++)
		l->env[l->envc] = environ_[l->envc];
	bool whole = (int)l->argc == argc && (environ_ == NULL || environ_[l->envc] == NULL);
	return whole ? 0 : ERR_FULL;
}

void launch_release(struct launch *l)
{
	arena_release(&l->mem);
}

const char *launch_text(struct launch *l, const char *format, ...)
{
	char *text = NULL;
	va_list ap;
	va_start(ap, format);
	int n = vasprintf(&text, format, ap);
	va_end(ap);
	slice kept = n < 0 ? SLICE_NONE : arena_copy(&l->mem, slice_make(text, (size_t)n));
	if (n >= 0)
		free(text);
	l->failed = l->failed || kept.p == NULL;
	return kept.p ? kept.p : "";
}

static size_t env_index(const struct launch *l, const char *name)
{
	size_t n = strlen(name), i = 0;
	while (i < l->envc && !(strncmp(l->env[i], name, n) == 0 && l->env[i][n] == '='))
		i++;
	return i;
}

const char *launch_get(const struct launch *l, const char *name)
{
	size_t i = env_index(l, name);
	if (i == l->envc)
		return NULL;
	const char *value = l->env[i] + strlen(name) + 1;
	return *value ? value : NULL;
}

void launch_set(struct launch *l, const char *name, const char *value)
{
	size_t i = env_index(l, name);
	if (i == LAUNCH_ENV_MAX) {
		l->failed = true;
		return;
	}
	l->env[i] = launch_text(l, "%s=%s", name, value);
	if (i == l->envc)
		l->env[++l->envc] = NULL;
}

void launch_words(struct launch *l, size_t at, const char *const *words, size_t n)
{
	if (at >= l->argc || l->argc + n > LAUNCH_WORDS_MAX) {
		l->failed = true;
		return;
	}
	memmove(&l->argv[at + 1 + n], &l->argv[at + 1], (l->argc - at - 1) * sizeof l->argv[0]);
	memcpy(&l->argv[at + 1], words, n * sizeof words[0]);
	l->argc += n;
	l->argv[l->argc] = NULL;
}

slice launch_header_get(const struct launch *l, const char *name)
{
	for (size_t i = 0; i < l->headers_n; i++)
		if (strcmp(l->headers[i].name, name) == 0)
			return l->headers[i].value;
	return SLICE_NONE;
}

void launch_header(struct launch *l, const char *name, slice value)
{
	value = launch_clean(l, value);
	if (value.n == 0 || launch_header_get(l, name).n)
		return;
	if (l->headers_n == LAUNCH_HEADERS_MAX)
		l->failed = true;
	else
		l->headers[l->headers_n++] = (struct launch_header){name, value};
}

void launch_note(struct launch *l, const char *format, ...)
{
	char text[1024];
	va_list ap;
	va_start(ap, format);
	vsnprintf(text, sizeof text, format, ap);
	va_end(ap);
	if (l->notes_n < LAUNCH_NOTES_MAX)
		l->notes[l->notes_n++] = launch_text(l, "%s", text);
}

slice launch_clean(struct launch *l, slice value)
{
	static const char digits[] = "0123456789ABCDEF";
	value = slice_trim(value);
	char *out = arena_alloc(&l->mem, ATTR_TEXT_MAX + 4);
	size_t n = 0;
	if (out == NULL) {
		l->failed = true;
		return SLICE_NONE;
	}
	for (size_t i = 0; i < value.n && n < ATTR_TEXT_MAX; i++) {
		unsigned char c = (unsigned char)value.p[i];
		if (c < 0x20 || c == 0x7F)
			continue;
		if (c < 0x7F && c != '%') {
			out[n++] = (char)c;
		} else if (n + 3 <= ATTR_TEXT_MAX) {
			out[n++] = '%';
			out[n++] = digits[c >> 4];
			out[n++] = digits[c & 15];
		} else {
			break;
		}
	}
	out[n] = '\0';
	return slice_make(out, n);
}

const char *launch_quoted(struct launch *l, slice value)
{
	char *out = arena_alloc(&l->mem, value.n * 6 + 1);
	size_t n = 0;
	if (out == NULL) {
		l->failed = true;
		return "";
	}
	for (size_t i = 0; i < value.n; i++) {
		unsigned char c = (unsigned char)value.p[i];
		if (c < 0x20 || c == 0x7F) {
			n += (size_t)snprintf(out + n, 7, "\\u%04x", c);
		} else {
			if (c == '"' || c == '\\')
				out[n++] = '\\';
			out[n++] = (char)c;
		}
	}
	out[n] = '\0';
	return out;
}
