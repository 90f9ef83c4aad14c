/* What a call answers: blocks of text, thinking and tool calls, each cut into deltas. */
#include "script.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Plain ASCII without anything JSON escapes, so that pieces can be copied as they are. */
static const char prose[] =
    "The simulated model has looked at the request and gives a short and useful answer. "
    "It names the files that matter, says what it would change and why, and stops there. "
    "No real model was asked, no money was spent, and every token is counted by a simple rule. ";

#define PROSE_LEN (sizeof prose - 1)
#define STAMP_LEN 32 /* ~S 8 digits : 20 digits ~ */

static const char short_answer[] = "Done. This is the simulated provider's answer.";

void call_id(const struct call *c, const char *prefix, uint64_t salt, size_t digits, struct buf *out)
{
	static const char alphabet[] = "0123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
	uint64_t number = c->d.seed >= 0 ? (uint64_t)c->d.seed : c->seq;
	uint64_t base = mix64((uint64_t)c->epoch_ms ^ mix64(number * 64 + salt)), h = base;

	buf_z(out, prefix);
	for (size_t i = 0; i < digits; i++) {
		if (i % 10 == 0)
			h = mix64(base + i);
		buf_add(out, &alphabet[h % (sizeof alphabet - 1)], 1);
		h /= sizeof alphabet - 1;
	}
}

static void add_prose(struct buf *out, size_t from, size_t n)
{
	while (n) {
		size_t at = from % PROSE_LEN, take = PROSE_LEN - at < n ? PROSE_LEN - at : n;

		buf_add(out, prose + at, take);
		from += take;
		n -= take;
	}
}

static void put_stamp(char *at, uint32_t index, uint64_t ns)
{
	char tmp[STAMP_LEN + 1];

	snprintf(tmp, sizeof tmp, "~S%08u:%020llu~", index, (unsigned long long)ns);
	memcpy(at, tmp, STAMP_LEN);
}

/* Where piece `piece` begins; never inside a UTF-8 character. */
static size_t piece_start(const struct block *b, uint32_t piece)
{
	size_t at = (size_t)((uint64_t)b->len * piece / b->pieces);

	while (b->text && at < b->len && ((unsigned char)b->text[at] & 0xc0) == 0x80)
		at++;
	return at;
}

/* The delta that grows huge. */
static uint32_t huge_piece(const struct call *c, const struct block *b)
{
	return c->d.at < b->pieces ? (uint32_t)c->d.at : b->pieces - 1;
}

void plan_piece(struct call *c, const struct block *b, uint32_t piece, struct buf *out)
{
	size_t from = piece_start(b, piece), to = piece_start(b, piece + 1), start = out->len;

	if (b->text)
		buf_json_in(out, (struct str){b->text + from, to - from});
	else
		add_prose(out, from, to - from);
	if (c->d.stamp && b->kind == BLOCK_TEXT && !b->text && to - from >= STAMP_LEN)
		put_stamp(out->p + start, piece, now_ns());
	if (c->d.fault == FAULT_HUGE && b->kind == BLOCK_TEXT && piece == huge_piece(c, b)) {
		add_prose(out, 0, (size_t)c->d.huge);
		c->bytes_sent += c->d.huge;
	}
	if (b->kind == BLOCK_THINKING)
		c->thinking_sent += (int64_t)(to - from);
	else
		c->bytes_sent += (int64_t)(to - from);
}

void plan_text(const struct block *b, struct buf *out)
{
	if (b->text)
		buf_json_in(out, (struct str){b->text, b->len});
	else
		add_prose(out, 0, b->len);
}

void plan_free(struct plan *p)
{
	for (size_t i = 0; i < p->n; i++)
		free(p->blocks[i].text);
	p->n = 0;
}

static void default_pieces(struct block *b, size_t each)
{
	b->pieces = (uint32_t)(b->len / each + (b->len % each != 0));
	if (!b->pieces)
		b->pieces = 1;
}

/* How many bytes the directives want the answer's text to have; -1: what it has. */
static int64_t wanted_size(const struct directives *d)
{
	if (d->size >= 0)
		return d->size;
	if (d->reply_tokens >= 0)
		return d->reply_tokens * 4;
	if (d->events > 0)
		return d->events * (d->event_size > 0 ? d->event_size : d->stamp ? 40 : 20);
	return -1;
}

static struct block *add_block(struct call *c, enum block_kind kind)
{
	struct block *b = &c->plan.blocks[c->plan.n++];

	memset(b, 0, sizeof *b);
	b->kind = kind;
	return b;
}

struct block *plan_add_exact(struct call *c, const char *text)
{
	struct block *b = add_block(c, BLOCK_TEXT);

	b->text = strdup(text);
	b->len = strlen(text);
	default_pieces(b, 20);
	return b;
}

struct block *plan_add_text(struct call *c, const char *text)
{
	const struct directives *d = &c->d;
	int64_t size = wanted_size(d);
	struct block *b = size < 0 ? plan_add_exact(c, text) : add_block(c, BLOCK_TEXT);

	if (size >= 0)
		b->len = (size_t)size;
	default_pieces(b, d->event_size > 0 ? (size_t)d->event_size : b->len > 64 * 1024 ? 1024 : 20);
	if (d->events > 0)
		b->pieces = (uint32_t)d->events;
	return b;
}

struct block *plan_add_tool(struct call *c, const struct tool *t, struct buf *arguments)
{
	static const char *const prefixes[] = {
	    [API_ANTHROPIC] = "toolu_01", [API_CHAT] = "call_", [API_RESPONSES] = "call_"};
	struct block *b = &c->plan.blocks[c->plan.n++];
	struct buf id = {0};

	memset(b, 0, sizeof *b);
	b->kind = BLOCK_TOOL;
	str_copy(b->name, sizeof b->name, t->name);
	str_copy(b->group, sizeof b->group, t->group);
	b->custom = t->custom;
	b->text = sim_alloc(arguments->len + 1);
	memcpy(b->text, arguments->p, arguments->len);
	b->len = arguments->len;
	call_id(c, c->api <= API_RESPONSES && prefixes[c->api] ? prefixes[c->api] : "", 50 + c->plan.n, 22,
	        &id);
	str_copy(b->id, sizeof b->id, (struct str){id.p, id.len});
	buf_free(&id);
	default_pieces(b, 12);
	return b;
}

static void clamp_output(struct call *c)
{
	int64_t room = c->ask.max_output;

	if (room < 0)
		return;
	if (c->usage.reasoning > room)
		c->usage.reasoning = room;
	if (c->usage.reasoning > 0)
		room -= c->usage.reasoning;
	for (size_t i = 0; i < c->plan.n; i++) {
		struct block *b = &c->plan.blocks[i];

		if (b->kind == BLOCK_TEXT && tokens_of((int64_t)b->len) > room) {
			b->len = (size_t)room * 4;
			if (b->pieces > b->len)
				b->pieces = b->len ? (uint32_t)b->len : 1;
			c->plan.stop = STOP_LENGTH;
			c->plan.n = i + 1;
			return;
		}
		room -= b->kind == BLOCK_THINKING ? 0 : tokens_of((int64_t)b->len);
	}
}

/* Reasoning as the directive says, else as the model's kind would do. */
static int64_t reasoning_tokens(const struct call *c)
{
	static const char *const thinkers[] = {"gpt-5", "o1", "o3", "o4", "gemini-2.5", "gemini-3"};

	if (c->d.reasoning >= 0)
		return c->d.reasoning;
	if (c->d.bench)
		return 0;
	if (c->api == API_ANTHROPIC)
		return c->ask.thinking ? 48 : 0;
	for (size_t i = 0; i < sizeof thinkers / sizeof *thinkers; i++)
		if (str_starts(str_of(c->model), thinkers[i]))
			return 64;
	return 0;
}

/* Chat completions never show it; the others have a place for it, empty unless it was asked for. */
static void add_thinking(struct call *c)
{
	struct block *b = &c->plan.blocks[c->plan.n++];

	memset(b, 0, sizeof *b);
	b->kind = BLOCK_THINKING;
	if (c->ask.thinking && !c->ask.thinking_hidden && c->api != API_CHAT && c->api != API_RESPONSES)
		b->len = (size_t)c->usage.reasoning * 4;
	default_pieces(b, 40);
}

void plan_make(struct call *c)
{
	c->plan.n = 0;
	c->plan.stop = STOP_END;
	if (c->api == API_EMBEDDINGS || c->api == API_ANTHROPIC_COUNT || c->api == API_GEMINI_COUNT)
		return;
	c->usage.reasoning = reasoning_tokens(c);
	if (c->usage.reasoning > 0)
		add_thinking(c);
	if (!script_plan(c))
		plan_add_text(c, c->d.text[0] ? c->d.text : short_answer);
	clamp_output(c);
}
