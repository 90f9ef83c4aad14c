/* Readers of `alerts:`: where people are told. */
#include "model/settings_alerts.h"

#include "text/nearest.h"

#define PAGERDUTY_URL  "https://events.pagerduty.com/v2/enqueue"
#define ADDRESS_MAX    254
#define SECRET_LEAST   16
#define ROUTING_KEY    32 /* characters of PagerDuty's */
#define ARGUMENT_BYTES 1024

_Static_assert(offsetof(struct alert_mail, to) == offsetof(struct alert_mail, to_n) + sizeof(size_t),
               "lists stand behind their lengths");

#define X(id, name, ...) #name,
const char *const settings_alert_formats[] = {ALERT_FORMAT_LIST(X) NULL};
const char *const settings_alert_severities[] = {ALERT_SEVERITY_LIST(X) NULL};
#undef X
const char *const settings_alert_resolved[] = {"tell", "quiet", NULL};

static void start_target(void *element)
{
	struct alert_target *t = element;
	*t = (struct alert_target){.severity = ALERT_WARNING,
	                           .repeat_ms = 4 * ALERT_HOUR_MS,
	                           .group_ms = 30000,
	                           .rate = 60,
	                           .timeout_ms = 10000};
}

static bool line_of(const struct yaml_node *n, size_t most)
{
	bool good = n->kind == YAML_SCALAR && n->text.n > 0 && n->text.n <= most;
	for (size_t i = 0; good && i < n->text.n; i++)
		good = (unsigned char)n->text.p[i] >= 0x20 && n->text.p[i] != 0x7f;
	return good;
}

void read_alert_secret(struct reader *r, const struct option *o, const struct yaml_node *n, void *field)
{
	bool neither = n->kind != YAML_SCALAR;
	if (!neither)
		settings_read_secret(r, o, n, field, &neither);
	if (neither) /* may be the secret itself: not shown */
		settings_fault(r, n,
		               "%s: write env:NAME or file:PATH: a secret does not stand in the file itself",
		               o->key);
}

void read_alert_url(struct reader *r, const struct option *o, const struct yaml_node *n, void *field)
{
	struct alert_target *t = field;
	bool neither = true;
	if (n->kind == YAML_SCALAR && settings_read_secret(r, o, n, &t->url, &neither)) {
		t->insecure_url = slice_starts(t->url, SLICE("http://"));
		if (t->url.n && !t->insecure_url && !slice_starts(t->url, SLICE("https://")))
			settings_fault(r, n,
			               "%s: what " SLICE_FMT
			               " holds is no URL: it begins with https:// or http://",
			               o->key, SLICE_ARG(n->text));
	} else if (neither) {
		settings_read_http_url(r, o, n, &t->url, &t->insecure_url);
	}
}

void read_alert_smtp(struct reader *r, const struct option *o, const struct yaml_node *n, void *field)
{
	slice text = n->text, host;
	bool tls = slice_starts(text, SLICE("smtps://"));
	bool good = line_of(n, ADDRESS_MAX) && (tls || slice_starts(text, SLICE("smtp://")));
	host = slice_sub(text, tls ? 8 : 7, text.n);
	for (size_t i = 0; good && i < host.n; i++)
		good = strchr(" @/?#", host.p[i]) == NULL;
	if (good && host.n && host.p[0] != ':')
		*(slice *)field = settings_copy(r, text);
	else
		settings_fault(r, n, "%s: write smtp://HOST:PORT or smtps://HOST:PORT", o->key);
}

/* One that can stand in a header and in SMTP's commands: no blanks, brackets or quotes. */
static bool is_address(const struct yaml_node *n)
{
	bool good = line_of(n, ADDRESS_MAX);
	ptrdiff_t at = good ? slice_find_char(n->text, '@') : -1;
	for (size_t i = 0; good && i < n->text.n; i++)
		good = strchr(" <>()[],;:\"\\", n->text.p[i]) == NULL && (unsigned char)n->text.p[i] < 0x7f;
	return good && at > 0 && (size_t)at + 1 < n->text.n;
}

void read_alert_address(struct reader *r, const struct option *o, const struct yaml_node *n, void *field)
{
	if (is_address(n))
		*(slice *)field = settings_copy(r, n->text);
	else
		settings_fault(r, n, "%s: a mail address is wanted, such as weir@example.com", o->key);
}

void read_alert_addresses(struct reader *r, const struct option *o, const struct yaml_node *n, void *field)
{
	struct {
		size_t n;
		slice *at;
	} list = {0};
	bool one = n->kind == YAML_SCALAR;
	const struct yaml_node *from = one ? n : n->at;
	size_t all = one ? 1 : n->kind == YAML_LIST ? n->n : 0;
	if (all == 0 || all > ALERT_MAIL_MAX) {
		settings_fault(r, n, "%s: from 1 to %d addresses are wanted", o->key, ALERT_MAIL_MAX);
		return;
	}
	list.at = settings_alloc(r, all * sizeof *list.at);
	for (size_t i = 0; list.at && i < all; i++)
		read_alert_address(r, o, &from[i], &list.at[list.n++]);
	memcpy(field, &list, sizeof list);
}

void read_alert_command(struct reader *r, const struct option *o, const struct yaml_node *n, void *field)
{
	struct alert_target *t = field;
	bool good = n->kind == YAML_LIST && n->n > 0 && n->n <= ALERT_COMMAND_MAX;
	for (size_t i = 0; good && i < n->n; i++)
		good = line_of(&n->at[i], ARGUMENT_BYTES);
	if (!good || n->at[0].text.p[0] != '/') {
		settings_fault(r, n,
		               "%s: a list is wanted: the program's whole path, then its arguments "
		               "([/usr/local/bin/page, --who, oncall])",
		               o->key);
		return;
	}
	t->command = settings_alloc(r, n->n * sizeof *t->command);
	for (size_t i = 0; t->command && i < n->n; i++)
		t->command[t->command_n++] = settings_copy(r, n->at[i].text);
}

void read_alert_kinds(struct reader *r, const struct option *o, const struct yaml_node *n, void *field)
{
	struct alert_target *t = field;
	bool one = n->kind == YAML_SCALAR;
	const struct yaml_node *from = one ? n : n->at;
	size_t all = one ? 1 : n->kind == YAML_LIST ? n->n : 0;
	for (size_t i = 0; i < all; i++) {
		enum alert_kind k =
		    from[i].kind == YAML_SCALAR ? alert_kind_from_name(from[i].text) : ALERT_KINDS;
		struct nearest near;
		if (k != ALERT_KINDS) {
			t->kinds |= UINT64_C(1) << k;
			continue;
		}
		nearest_init(&near, slice_sub(from[i].text, 0, 60));
		for (int a = 0; a < ALERT_KINDS; a++)
			nearest_offer(&near, slice_of(alert_kind_name((enum alert_kind)a)));
		settings_fault(r, &from[i], "%s: there is no kind \"" SLICE_FMT "\"%s" SLICE_FMT "%s", o->key,
		               SLICE_ARG(slice_sub(from[i].text, 0, 60)),
		               near.best.n ? " (did you mean " : "", SLICE_ARG(near.best),
		               near.best.n ? "?)" : "; docs/alerts.md lists them");
	}
	if (all == 0)
		settings_fault(r, n, "%s: a list of kinds is wanted: [budget, storm]", o->key);
}

/* "payments", or several apart by commas. */
static slice value_of(struct reader *r, const struct yaml_node *n)
{
	slice all = SLICE_NONE;
	if (n->kind == YAML_SCALAR)
		return settings_copy(r, n->text);
	for (size_t i = 0; n->kind == YAML_LIST && i < n->n; i++)
		if (n->at[i].kind == YAML_SCALAR)
			all = settings_text(r, SLICE_FMT "%s" SLICE_FMT, SLICE_ARG(all), i ? "," : "",
			                    SLICE_ARG(n->at[i].text));
	return all;
}

void read_alert_where(struct reader *r, const struct option *o, const struct yaml_node *n, void *field)
{
	struct alert_target *t = field;
	if (n->kind != YAML_MAP || n->n == 0 || n->n > ALERT_WHERE_MAX) {
		settings_fault(r, n, "%s: a mapping of 1 to %d labels is wanted: {team: payments}", o->key,
		               ALERT_WHERE_MAX);
		return;
	}
	t->where = settings_alloc(r, n->n * sizeof *t->where);
	for (size_t i = 0; t->where && i < n->n; i++) {
		const struct yaml_node *key = &n->at[2 * i], *value = &n->at[2 * i + 1];
		if (!alert_label_known(key->text))
			settings_fault(r, key,
			               "%s: alerts have no label \"" SLICE_FMT
			               "\"; they have kind, severity, budget, rule, user, team, session, "
			               "agent, repo, workflow, provider, model, key, scope, series",
			               o->key, SLICE_ARG(slice_sub(key->text, 0, 60)));
		t->where[t->where_n++] =
		    (struct alert_label){settings_copy(r, key->text), value_of(r, value)};
	}
}

static void check_mail(struct reader *r, const struct yaml_node *n, const struct alert_target *t)
{
	if (t->mail.to_n == 0 || t->mail.from.n == 0 || t->mail.url.n == 0)
		settings_fault(r, n, "alerts[].mail: to, from and url are needed");
	if ((yaml_get(n, SLICE("user")) != NULL) != (yaml_get(n, SLICE("password")) != NULL))
		settings_fault(r, n, "alerts[].mail: user and password belong together");
}

static void check_webhook(struct reader *r, const struct yaml_node *n, struct alert_target *t, bool has_url)
{
	const struct yaml_node *secret = yaml_get(n, SLICE("secret"));
	bool known = !(r->flags & SETTINGS_NO_SECRETS);
	if (t->format == ALERT_PAGERDUTY && !has_url)
		t->url = SLICE(PAGERDUTY_URL);
	if (t->format == ALERT_PAGERDUTY &&
	    (secret == NULL || (known && t->secret.n && t->secret.n != ROUTING_KEY)))
		settings_fault(
		    r, secret ? secret : n,
		    "alerts[].secret: pagerduty wants the routing key of an Events v2 integration, "
		    "%d characters",
		    ROUTING_KEY);
	if (secret && t->format == ALERT_JSON && t->secret.n && t->secret.n < SECRET_LEAST)
		settings_fault(r, secret, "alerts[].secret: at least %d characters are wanted, random ones",
		               SECRET_LEAST);
	if (secret && (t->format == ALERT_SLACK || t->format == ALERT_TEAMS))
		settings_fault(r, secret,
		               "alerts[].secret: slack and teams take none: their URL is the secret");
}

static void finish_target(struct reader *r, const struct yaml_node *n, void *element, const void *before,
                          size_t before_n)
{
	struct alert_target *t = element;
	const struct alert_target *others = before;
	const struct yaml_node *mail = yaml_get(n, SLICE("mail"));
	bool has_url = yaml_get(n, SLICE("url")) != NULL, command = yaml_get(n, SLICE("command")) != NULL;
	bool pager = t->format == ALERT_PAGERDUTY;
	if (yaml_get(n, SLICE("name")) == NULL)
		settings_fault(r, n, "alerts[].name is missing");
	if ((has_url || pager) + (mail != NULL) + command != 1)
		settings_fault(r, n, "alerts[]: one of url, mail and command says where it goes");
	else if (mail)
		check_mail(r, mail, t);
	else if (!command)
		check_webhook(r, n, t, has_url);
	if ((mail || command) && (yaml_get(n, SLICE("format")) || yaml_get(n, SLICE("secret"))))
		settings_fault(r, n, "alerts[]: format and secret are of a url alone");
	for (size_t k = 0; k < before_n; k++)
		if (t->name.n && slice_eq(others[k].name, t->name))
			settings_fault(r, yaml_get(n, SLICE("name")),
			               "alerts[].name: there are two targets \"" SLICE_FMT "\"",
			               SLICE_ARG(t->name));
}

void read_alert_targets(struct reader *r, const struct option *o, const struct yaml_node *n, void *field)
{
	static const struct settings_list list = {"alerts[].", sizeof(struct alert_target), ALERT_TARGETS_MAX,
	                                          start_target, finish_target};
	struct settings *s = field;
	void *all = s->alerts;
	(void)o;
	settings_read_list(r, n, &list, &all, &s->alerts_n);
	s->alerts = all;
}
