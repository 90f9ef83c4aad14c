#include "cli/style.h"

#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cli/remote.h"

static const char *const formats[] = {"table", "json", "csv", "markdown", "html", NULL};

static bool says_utf8(const struct cli *c)
{
	static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		const char *v = cli_env(c, names[i]);
		if (v)
			return strcasestr(v, "utf-8") || strcasestr(v, "utf8");
	}
	return false;
}

struct report_style cli_style(const struct cli *c, size_t top)
{
	struct report_style s = {.utf8 = says_utf8(c)};
	struct winsize size;
	int fd = fileno(c->out);
	bool terminal = fd >= 0 && isatty(fd);
	const char *term = cli_env(c, "TERM"), *columns = cli_env(c, "COLUMNS");
	long long n;
	s.colour = terminal && !cli_env(c, "NO_COLOR") && term && strcmp(term, "dumb") != 0;
	if (columns && slice_to_i64(slice_of(columns), &n) && n > 0 && n < 10000)
		s.width = (int)n;
	else if (terminal && ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
		s.width = size.ws_col;
	if (terminal)
		s.top = top;
	return s;
}

int cli_style_words(struct buf *query, enum report_format format, const struct report_style *style)
{
	char width[16], top[24];
	int rc = remote_word(query, SLICE("format"), slice_of(formats[format]));
	if (format == REPORT_JSON || format == REPORT_CSV)
		return rc;
	snprintf(width, sizeof width, "%d", style->width);
	snprintf(top, sizeof top, "%zu", style->top);
	const struct {
		slice name, value;
	} words[] = {{SLICE("width"), slice_of(width)},
	             {SLICE("top"), slice_of(top)},
	             {SLICE("bars"), style->utf8 ? SLICE("utf8") : SLICE("ascii")},
	             {SLICE("colour"), style->colour ? SLICE("yes") : SLICE("no")}};
	for (size_t i = 0; rc == 0 && i < sizeof words / sizeof words[0]; i++)
		rc = remote_word(query, words[i].name, words[i].value);
	return rc;
}

bool cli_format(const struct cli *c, const struct command *cmd, const char *word, enum report_format *out)
{
	for (int i = 0; formats[i]; i++)
		if (strcmp(formats[i], word) == 0) {
			*out = (enum report_format)i;
			return true;
		}
	cli_usage_error(c, cmd, "--format is table, json, csv, markdown or html, not \"%s\"", word);
	return false;
}
