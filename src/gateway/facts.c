#include "gateway/facts.h"

#include "codec/registry.h"
#include "gateway/hold.h"
#include "model/tool_name.h"

#define SERVERS_MAX 256 /* that one request may offer tools of; more are not read */
#define NAME_MAX_N  512 /* of a tool's name; the rest is cut */

struct offered {
	struct exchange *ex;
	slice *tools, *servers; /* in ex->mem */
	size_t tools_n, tools_room, servers_n;
	bool spent;
};

static slice plain(struct offered *o, const json_str *s)
{
	char buf[NAME_MAX_N];
	slice text = slice_sub(s->raw, 0, sizeof buf);
	if (s->escaped) {
		json_str cut = {s->raw, true};
		size_t n = json_unescape(&cut, buf, sizeof buf);
		text = slice_make(buf, n <= sizeof buf ? n : 0);
	}
	slice kept = arena_copy(&o->ex->mem, text);
	o->spent = o->spent || kept.p == NULL;
	return kept;
}

static void add_server(struct offered *o, slice name)
{
	if (name.n == 0 || name.p == NULL)
		return;
	for (size_t i = 0; i < o->servers_n; i++)
		if (slice_eq(o->servers[i], name))
			return;
	if (o->servers_n < SERVERS_MAX)
		o->servers[o->servers_n++] = name;
	else
		o->spent = true;
}

static int on_item(void *arg, const struct body_item *it)
{
	struct offered *o = arg;
	if (it->kind != ITEM_TOOL_DEFINITION)
		return it->span->section != BODY_TOOLS; /* tools come first */
	if (o->tools_n == o->tools_room) {
		size_t room = o->tools_room ? o->tools_room * 2 : 64;
		slice *more = arena_alloc(&o->ex->mem, room * sizeof *more);
		if (more == NULL) {
			o->spent = true;
			return 1;
		}
		if (o->tools_n)
			memcpy(more, o->tools, o->tools_n * sizeof *more);
		o->tools = more;
		o->tools_room = room;
	}
	slice name = plain(o, &it->name);
	o->tools[o->tools_n++] = name;
	add_server(o, it->space.raw.n ? plain(o, &it->space) : tool_mcp_server(name));
	return o->spent;
}

/* mcp_servers: [{name: …}] of Anthropic's connector, whose tools the body may not list. */
static void read_connectors(struct offered *o, slice servers)
{
	static const struct wire_word fields[] = {WIRE_WORD("name", 0)};
	struct body_elements e;
	slice raw, name[1];
	if (servers.n == 0 || !body_elements(servers, &e))
		return;
	while (body_next(&e, &raw) && !o->spent)
		if (body_fields(raw, WIRE_WORDS(fields), name) && body_is_string(name[0])) {
			json_str s = body_string(name[0]);
			add_server(o, plain(o, &s));
		}
}

static bool read_offered(struct exchange *ex)
{
	struct offered o = {.ex = ex};
	o.servers = arena_alloc(&ex->mem, SERVERS_MAX * sizeof *o.servers);
	if (o.servers == NULL)
		return false;
	registry_items(&ex->view, on_item, &o);
	read_connectors(&o, ex->view.mcp_servers);
	ex->facts.tools = o.tools;
	ex->facts.tools_n = o.tools_n;
	ex->facts.mcp_servers = o.servers;
	ex->facts.mcp_servers_n = o.servers_n;
	return !o.spent;
}

/* How much of a budget is used, for rules that ask. */
static int64_t budget_used(void *arg, slice name, const struct facts *f)
{
	struct exchange *ex = arg;
	struct budgets *b = ex->w->shared->budgets;
	const struct budget_rule *rule = settings_budget(ex->settings, name);
	return b && rule ? budget_share(b, rule, f, hold_clock(ex)) : -1;
}

bool facts_read(struct exchange *ex)
{
	uint64_t asked = ex->settings->where_fields,
	         offered = UINT64_C(1) << FIELD_TOOL | UINT64_C(1) << FIELD_MCP_SERVER;
	ex->facts = (struct facts){.record = &ex->record,
	                           .zone = ex->settings->zone,
	                           .ci = &ex->who.ci,
	                           .budget_used = budget_used,
	                           .budget_arg = ex};
	return (asked & offered) == 0 || ex->codec == NULL || ex->view.body.n == 0 || read_offered(ex);
}
