#include "gateway/admin.h"

#include <stdarg.h>
#include <stdio.h>

#include "gateway/reload.h"
#include "text/nearest.h"

#define MEMORY_MAX (4 << 20)

/* --- answers --------------------------------------------------------------------------------------- */

int admin_end(struct admin *a)
{
	int r = jsonw_end(&a->w);
	return r ? r : buf_append(a->out, SLICE("\n"));
}

int admin_refuse(struct admin *a, int status, const char *format, ...)
{
	va_list ap;
	char text[1024];
	va_start(ap, format);
	vsnprintf(text, sizeof text, format, ap);
	va_end(ap);
	*a->status = status;
	buf_clear(a->out);
	jsonw_init(&a->w, a->out);
	jsonw_object(&a->w);
	jsonw_key(&a->w, SLICE("error"));
	jsonw_object(&a->w);
	jsonw_put_string(&a->w, SLICE("message"), slice_of(text));
	jsonw_object_end(&a->w);
	jsonw_object_end(&a->w);
	return admin_end(a);
}

int admin_fault(struct admin *a, const struct error *e)
{
	int status = e->code == ERR_NOT_FOUND ? 404
	             : e->code == ERR_BUSY    ? 503
	             : e->code == ERR_INVALID ? 400
	                                      : 500;
	return admin_refuse(a, status, "%s", e->text);
}

void admin_put_time(struct admin *a, slice key, int64_t ms)
{
	char text[CLOCK_RFC3339_MAX];
	if (ms <= 0 || ms == INT64_MAX) {
		jsonw_put_null(&a->w, key);
		return;
	}
	size_t n = clock_format_rfc3339(ms, text);
	jsonw_put_string(&a->w, key, slice_make(text, n));
}

/* --- the question ---------------------------------------------------------------------------------- */

static const struct admin_field *field_of(const struct admin_field *fields, size_t n, const json_key *k)
{
	for (size_t i = 0; i < n; i++)
		if (json_key_is(k, slice_of(fields[i].name)))
			return &fields[i];
	return NULL;
}

static int unknown_field(struct admin *a, const struct admin_field *fields, size_t n, const json_key *k)
{
	struct nearest near;
	char word[NEAREST_WORD_MAX];
	size_t word_n = json_unescape(k, word, sizeof word);
	nearest_init(&near, slice_make(word, word_n > sizeof word ? 0 : word_n));
	for (size_t i = 0; i < n; i++)
		nearest_offer(&near, slice_of(fields[i].name));
	if (near.best.n)
		return admin_refuse(a, 400,
		                    "there is no field \"" SLICE_FMT "\"; did you mean \"" SLICE_FMT "\"?",
		                    SLICE_ARG(slice_sub(k->raw, 0, 60)), SLICE_ARG(near.best));
	return admin_refuse(a, 400, "there is no field \"" SLICE_FMT "\" here",
	                    SLICE_ARG(slice_sub(k->raw, 0, 60)));
}

/* A text with its escapes resolved; numbers as they stand. */
static bool take_text(struct admin *a, struct json *j, slice *to)
{
	json_str s;
	json_type t = json_peek(j);
	if (t == JSON_NUMBER)
		return json_skip(j, to);
	if (t == JSON_NULL)
		return json_skip(j, NULL);
	if (!json_string(j, &s))
		return false;
	char *out = arena_alloc(&a->mem, s.raw.n + 1);
	*to = out ? slice_make(out, json_unescape(&s, out, s.raw.n + 1)) : SLICE_NONE;
	return out != NULL;
}

bool admin_body(struct admin *a, const struct admin_field *fields, size_t n, int *r)
{
	struct json j;
	json_key k;
	for (size_t i = 0; i < n; i++)
		*fields[i].to = SLICE_NONE;
	if (a->body.n == 0) {
		*r = admin_refuse(a, 400, "a JSON object is wanted as the request's body");
		return false;
	}
	json_init(&j, a->body);
	json_object(&j);
	while (json_next_key(&j, &k)) {
		const struct admin_field *f = field_of(fields, n, &k);
		if (f == NULL) {
			*r = unknown_field(a, fields, n, &k);
			return false;
		}
		if (f->raw)
			json_skip(&j, f->to);
		else if (!take_text(a, &j, f->to))
			break;
	}
	if (json_end(&j))
		return true;
	*r = admin_refuse(a, 400, "the body is no JSON object of the fields wanted here: %s (byte %zu)",
	                  j.error ? j.error : "a text is wanted", j.error ? j.error_at : json_offset(&j));
	return false;
}

static int hex(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
	                              : -1;
}

/* Percent-decoded; p NULL when it is malformed or holds NUL. plus: '+' is a blank (a query). */
static slice decoded(struct arena *mem, slice text, bool plus)
{
	char *out = arena_alloc(mem, text.n + 1);
	size_t n = 0;
	for (size_t i = 0; out && i < text.n; i++) {
		char c = text.p[i];
		if (c == '%') {
			int high = i + 2 < text.n ? hex(text.p[i + 1]) : -1;
			int low = i + 2 < text.n ? hex(text.p[i + 2]) : -1;
			if (high < 0 || low < 0 || high + low == 0)
				return SLICE_NONE;
			c = (char)(high * 16 + low);
			i += 2;
		} else if (plus && c == '+') {
			c = ' ';
		}
		out[n++] = c;
	}
	return out ? slice_make(out, n) : SLICE_NONE;
}

slice admin_query(struct admin *a, slice name)
{
	slice rest = a->query, pair, key;
	while (slice_split(&rest, '&', &pair)) {
		slice value = pair;
		slice_split(&value, '=', &key);
		if (slice_eq(key, name))
			return decoded(&a->mem, value, true);
	}
	return SLICE_NONE;
}

/* --- who ------------------------------------------------------------------------------------------- */

bool admin_is(const struct admin *a, enum role r)
{
	return a->who->role == r;
}

bool admin_is_self(const struct admin *a, slice user)
{
	slice own = name_get(&a->who->user);
	return own.n && slice_eq(own, user);
}

slice admin_actor(struct admin *a)
{
	slice user = name_get(&a->who->user), key = name_get(&a->who->key_id);
	if (key.n == 0)
		return SLICE("loopback");
	if (user.n == 0)
		return key;
	return arena_printf(&a->mem, SLICE_FMT " (" SLICE_FMT ")", SLICE_ARG(user), SLICE_ARG(key));
}

void admin_changed(struct admin *a)
{
	struct error e = {0};
	if (a->c->shared->reload && reload_stored(a->c->shared->reload, &e))
		log_event(a->c->shared->log, LOG_ERROR, "stored.unreadable", LOG_Z("message", e.text));
}

/* --- routes ---------------------------------------------------------------------------------------- */

/* Does the path fit? *param gets its {…}. */
static bool fits(slice pattern, slice path, slice *param)
{
	slice want, have;
	*param = SLICE_NONE;
	while (slice_split(&pattern, '/', &want)) {
		if (!slice_split(&path, '/', &have))
			return false;
		if (want.n && want.p[0] == '{') {
			if (have.n == 0)
				return false;
			*param = have;
		} else if (!slice_eq(want, have)) {
			return false;
		}
	}
	return path.p == NULL;
}

static int refuse_role(struct admin *a, const struct admin_route *r)
{
	char may[128];
	size_t n = 0;
	may[0] = '\0';
	if (a->who->anonymous)
		return admin_refuse(
		    a, 401,
		    "a Weir key is needed for this: without one this console only shows. Send it "
		    "in x-weir-key (the commands take it from WEIR_KEY)");
	for (int i = 0; i < ROLE_N; i++)
		if (r->roles & ROLE_BIT(i))
			n += (size_t)snprintf(may + n, sizeof may - n, "%s%s", n ? ", " : "",
			                      role_name((enum role)i));
	return admin_refuse(a, 403, "a key of the role %s may not do this; may: %s", role_name(a->who->role),
	                    may);
}

static int run(struct admin *a, const struct admin_route *r)
{
	bool reads = strcmp(r->method, "GET") == 0;
	bool open = a->who->anonymous && (reads || a->who->role == ROLE_OWNER);
	if (!open && (a->who->anonymous || !(r->roles & ROLE_BIT(a->who->role))))
		return refuse_role(a, r);
	a->param = decoded(&a->mem, a->param, false);
	if (a->param.p == NULL && strchr(r->path, '{'))
		return admin_refuse(a, 400, "the path is malformed");
	*a->status = 200;
	return r->run(a);
}

void admin_begin(struct admin *a, struct console_context *c, const struct console_reader *who,
                 struct buf *out)
{
	a->c = c;
	a->who = who;
	a->out = out;
	arena_init(&a->mem, MEMORY_MAX);
	a->now_ms = clock_wall_ms(c->shared->clock);
	pthread_mutex_lock(&c->shared->lock);
	a->settings = settings_ref(c->shared->settings);
	pthread_mutex_unlock(&c->shared->lock);
	jsonw_init(&a->w, out);
}

void admin_release(struct admin *a)
{
	settings_unref(a->settings);
	arena_release(&a->mem);
}

int admin_api(struct console_context *c, const struct console_reader *who, slice method, slice path,
              slice query, slice body, int *status, struct buf *out)
{
	struct admin a = {.query = query, .body = body, .status = status};
	const struct admin_route *found = NULL;
	bool known = false;
	for (size_t i = 0; i < admin_routes_n && !found; i++) {
		slice param;
		if (!fits(slice_of(admin_routes[i].path), path, &param))
			continue;
		known = true;
		if (slice_eq(slice_of(admin_routes[i].method), method)) {
			found = &admin_routes[i];
			a.param = param;
		}
	}
	if (!known)
		return ERR_NOT_FOUND;
	admin_begin(&a, c, who, out);
	/* A preview is sent, and changes nothing. */
	bool changes = found && strcmp(found->method, "GET") != 0 && found->run != admin_budget_preview;
	if (changes) {
		pthread_mutex_lock(c->lock);
		c->ops->act_as(c->writable, admin_actor(&a));
	}
	int r = found ? run(&a, found) : admin_refuse(&a, 405, "this path does not take that method");
	if (changes)
		pthread_mutex_unlock(c->lock);
	admin_release(&a);
	return r;
}
