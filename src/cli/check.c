/* `weir check`: is this configuration good, and what did Weir make of it. */
#include <limits.h>
#include <stdlib.h>

#include "cli/cli.h"
#include "model/vendors.h"

#define JSON_MAX (4u << 20)

static int run_check(struct cli *c, int argc, char **argv);

const struct command command_check = {
    "check", "validates the settings",
    "weir check [options] [FILE]\n\n"
    "Reads FILE (or a folder of *.yaml; else --config or the usual places) and prints every fault in it as\n"
    "FILE:LINE:COLUMN: message. Exit status 0 when it is good, 1 when it is not.\n\n"
    "  --no-secrets   does not look up env: and file: secrets (to check on a machine that has none)\n"
    "  --options      prints every key: its type and what it is for, separated by tabs\n"
    "  --providers    prints the providers that are known by name or host, separated by tabs: name, other\n"
    "                 names, hosts, base URL, whose prices, what its usage looks like\n",
    run_check};

struct check {
	struct cli *c;
	size_t faults_n;
	struct buf faults; /* JSON strings, comma between; only with --json */
	struct jsonw w;
};

static void on_fault(void *arg, const char *line)
{
	struct check *k = arg;
	k->faults_n++;
	if (k->c->json)
		jsonw_string(&k->w, slice_of(line));
	else
		fprintf(k->c->out, "%s\n", line);
}

/* --- what was found ---------------------------------------------------------- */

static const char *credential_text(const struct provider *p)
{
	static const char *const texts[] = {[CREDENTIAL_NONE] = "no credential",
	                                    [CREDENTIAL_SECRET] = "a credential of its own",
	                                    [CREDENTIAL_PASSTHROUGH] = "the client's credential",
	                                    [CREDENTIAL_AWS] = "AWS keys of its own"};
	return texts[p->credential];
}

static bool is_cleartext(const struct provider *p)
{
	return slice_starts_nocase(p->base_url, SLICE("http://"));
}

static bool is_local_host(slice host)
{
	static const char *const starts[] = {"127.", "10.", "192.168.", "localhost", "[::1]", "[fd", NULL};
	for (size_t i = 0; starts[i]; i++)
		if (slice_starts_nocase(host, slice_of(starts[i])))
			return true;
	slice name = host;
	ptrdiff_t colon = slice_find_char(host, ':');
	if (colon > 0)
		name.n = (size_t)colon;
	return slice_find_char(name, '.') < 0;
}

/* Things that are allowed but seldom meant; n 0: none for this provider. */
static size_t provider_note(const struct provider *p, char *out, size_t cap)
{
	out[0] = '\0';
	if (p->credential == CREDENTIAL_NONE && !is_local_host(p->host))
		snprintf(out, cap,
		         "provider " SLICE_FMT ": calls go to " SLICE_FMT
		         " without a credential; to send one, write credential: env:NAME, or passthrough for "
		         "the client's own",
		         SLICE_ARG(p->name), SLICE_ARG(p->host));
	else if (p->credential != CREDENTIAL_NONE && is_cleartext(p) && !is_local_host(p->host))
		snprintf(out, cap,
		         "provider " SLICE_FMT
		         ": the credential goes over the network in the clear; write https:// if it can",
		         SLICE_ARG(p->name));
	return strlen(out);
}

static void print_listen(struct cli *c, const char *name, const struct listen *l)
{
	bool six = slice_find_char(l->host, ':') >= 0;
	fprintf(c->out, "  %-10s %s" SLICE_FMT "%s:%d%s%s\n", name, six ? "[" : "", SLICE_ARG(l->host),
	        six ? "]" : "", l->port, l->certificate.n ? ", TLS" : "",
	        l->client_ca.n ? " with client certificates" : "");
}

/* The rules of a kind by name, in their order. */
static void print_rules(struct cli *c, const char *kind, const void *all, size_t n, size_t size)
{
	static const char *const modes[] = {
	    [MODE_ENFORCE] = "", [MODE_SHADOW] = " (shadow)", [MODE_OFF] = " (off)"};
	for (size_t i = 0; i < n; i++) {
		const struct rule *r = (const struct rule *)(const void *)((const char *)all + i * size);
		if (i == 0)
			fprintf(c->out, "  %-10s ", kind);
		fprintf(c->out, "%s" SLICE_FMT "%s%s", i ? ", " : "", SLICE_ARG(r->name), modes[r->mode],
		        i + 1 == n ? "\n" : "");
	}
}

/* Where alerts go, and in which shape. */
static void print_alerts(struct cli *c, const struct settings *s)
{
	static const char *const formats[] = {"json", "slack", "teams", "pagerduty"};
	for (size_t i = 0; i < s->alerts_n; i++) {
		const struct alert_target *t = &s->alerts[i];
		fprintf(c->out, "%s" SLICE_FMT " (%s)%s", i ? ", " : "  alerts     ", SLICE_ARG(t->name),
		        t->mail.url.n  ? "mail"
		        : t->command_n ? "command"
		                       : formats[t->format],
		        i + 1 == s->alerts_n ? "\n" : "");
	}
}

static void print_found(struct cli *c, const struct settings *s)
{
	char note[512];
	size_t members = 0;
	if (s->source.n)
		fprintf(c->out, SLICE_FMT " is good.\n", SLICE_ARG(s->source));
	else
		fputs("There is no settings file: the defaults hold, and they are good.\n", c->out);
	print_listen(c, "gateway", &s->listen);
	print_listen(c, "console", &s->console);
	fprintf(c->out, "  %-10s " SLICE_FMT "\n", "ledger", SLICE_ARG(s->store));
	fprintf(c->out, "  %-10s " SLICE_FMT "\n", "journal", SLICE_ARG(s->journal));
	fprintf(c->out, "  %-10s " SLICE_FMT "\n", "timezone", SLICE_ARG(s->timezone));
	for (size_t i = 0; i < s->providers_n; i++) {
		const struct provider *p = &s->providers[i];
		fprintf(c->out, "  %-10s " SLICE_FMT " at " SLICE_FMT ", with %s%s\n", i ? "" : "providers",
		        SLICE_ARG(p->name), SLICE_ARG(p->base_url), credential_text(p),
		        p->billing == BILLING_SUBSCRIPTION ? ", a subscription" : "");
	}
	for (size_t i = 0; i < s->teams_n; i++)
		members += s->teams[i].members_n;
	if (s->teams_n)
		fprintf(c->out, "  %-10s %zu, with %zu members\n", "teams", s->teams_n, members);
	print_rules(c, "budgets", s->budgets, s->budgets_n, sizeof *s->budgets);
	print_rules(c, "quotas", s->quotas, s->quotas_n, sizeof *s->quotas);
	print_rules(c, "context", s->contexts, s->contexts_n, sizeof *s->contexts);
	print_rules(c, "gates", s->gates, s->gates_n, sizeof *s->gates);
	print_alerts(c, s);
	for (size_t i = 0; i < s->providers_n; i++)
		if (provider_note(&s->providers[i], note, sizeof note))
			fprintf(c->out, "Note: %s.\n", note);
}

static int print_json(struct check *k, const struct settings *s)
{
	struct jsonw *w = &k->w; /* {"faults": [… is open */
	char note[512];
	jsonw_array_end(w);
	jsonw_put_bool(w, SLICE("ok"), s != NULL);
	if (s) {
		jsonw_put_string(w, SLICE("source"), s->source);
		jsonw_put_string(w, SLICE("store"), s->store);
		jsonw_put_string(w, SLICE("journal"), s->journal);
		jsonw_key(w, SLICE("providers"));
		jsonw_array(w);
		for (size_t i = 0; i < s->providers_n; i++)
			jsonw_string(w, s->providers[i].name);
		jsonw_array_end(w);
		jsonw_put_i64(w, SLICE("teams"), (int64_t)s->teams_n);
		jsonw_key(w, SLICE("notes"));
		jsonw_array(w);
		for (size_t i = 0; i < s->providers_n; i++)
			if (provider_note(&s->providers[i], note, sizeof note))
				jsonw_string(w, slice_of(note));
		jsonw_array_end(w);
	}
	jsonw_object_end(w);
	return cli_print_json(k->c, w, &k->faults);
}

/* --- the command ------------------------------------------------------------- */

static int print_options(struct cli *c)
{
	const char *key, *type, *text;
	struct buf b;
	struct jsonw w;
	if (!c->json) {
		for (size_t at = 0; settings_option(&at, &key, &type, &text);)
			fprintf(c->out, "%s\t%s\t%s\n", key, type, text);
		return EXIT_DONE;
	}
	buf_init(&b, JSON_MAX);
	jsonw_init(&w, &b);
	jsonw_array(&w);
	for (size_t at = 0; settings_option(&at, &key, &type, &text);) {
		jsonw_object(&w);
		jsonw_put_string(&w, SLICE("key"), slice_of(key));
		jsonw_put_string(&w, SLICE("type"), slice_of(type));
		jsonw_put_string(&w, SLICE("text"), slice_of(text));
		jsonw_object_end(&w);
	}
	jsonw_array_end(&w);
	return cli_print_json(c, &w, &b);
}

static int print_providers(struct cli *c)
{
	static const char *const keys[] = {"name", "also", "hosts", "base_url", "prices", "usage"};
	const struct vendor *v;
	struct buf b;
	struct jsonw w;
	buf_init(&b, JSON_MAX);
	jsonw_init(&w, &b);
	jsonw_array(&w);
	for (size_t at = 0; (v = vendor_each(&at)) != NULL;) {
		const char *const values[] = {v->name,   v->also, v->hosts, v->base_url ? v->base_url : "",
		                              v->prices, v->note};
		jsonw_object(&w);
		for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
			jsonw_put_string(&w, slice_of(keys[i]), slice_of(values[i]));
			if (!c->json)
				fprintf(c->out, "%s%s", i ? "\t" : "", values[i]);
		}
		jsonw_object_end(&w);
		if (!c->json)
			fputc('\n', c->out);
	}
	jsonw_array_end(&w);
	if (c->json)
		return cli_print_json(c, &w, &b);
	buf_release(&b);
	return EXIT_DONE;
}

static int check(struct cli *c, slice path, unsigned flags)
{
	struct check k = {.c = c};
	int status = EXIT_DONE;
	buf_init(&k.faults, JSON_MAX);
	jsonw_init(&k.w, &k.faults);
	jsonw_object(&k.w);
	jsonw_key(&k.w, SLICE("faults"));
	jsonw_array(&k.w);
	struct settings *s = settings_load_with(path, flags, on_fault, &k);
	if (c->json) {
		status = print_json(&k, s);
	} else {
		if (s)
			print_found(c, s);
		fflush(c->out); /* the faults stand before their number */
		if (s == NULL)
			fprintf(
			    c->err,
			    "weir: %zu fault%s: a running gateway keeps its old settings until %s mended\n",
			    k.faults_n, k.faults_n == 1 ? "" : "s", k.faults_n == 1 ? "it is" : "they are");
		buf_release(&k.faults);
	}
	settings_unref(s);
	return s ? status : EXIT_FAILED;
}

static int run_check(struct cli *c, int argc, char **argv)
{
	const char *name, *value, *file = NULL;
	char found[PATH_MAX];
	unsigned flags = SETTINGS_NO_FOLDER;
	bool options = false, providers = false;
	int at = 1, r;
	while ((r = cli_next(c, &command_check, argc, argv, &at, "no-secrets:options:providers", &name,
	                     &value)) > 0) {
		if (r == 1 && strcmp(name, "options") == 0)
			options = true;
		else if (r == 1 && strcmp(name, "providers") == 0)
			providers = true;
		else if (r == 1)
			flags |= SETTINGS_NO_SECRETS;
		else if (file)
			return cli_usage_error(c, &command_check, "one file or folder, not also %s", value);
		else
			file = value;
	}
	if (r < 0)
		return r == -2 ? EXIT_DONE : EXIT_USAGE;
	if (options)
		return print_options(c);
	if (providers)
		return print_providers(c);
	if (file == NULL)
		file = c->config;
	return check(c, file ? slice_of(file) : settings_find(found, sizeof found), flags);
}
