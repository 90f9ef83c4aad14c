/* A short note to the model, at the very end of a request: behind everything that the client marked for the
 * prompt cache, so that the cached prefix stays as it is, and gone again with the client's next request. */
#include "codec/codec.h"
#include "model/body.h"
#include "text/jsonw.h"

#define NOTE_MAX 4096

/* The note as a JSON string, quotes included; n 0 without memory. */
static slice quoted(slice note, struct arena *mem)
{
	struct buf b;
	struct jsonw w;
	buf_init(&b, NOTE_MAX * 6);
	jsonw_init(&w, &b);
	jsonw_string(&w, slice_sub(note, 0, NOTE_MAX));
	slice text = jsonw_end(&w) == 0 ? arena_copy(mem, buf_slice(&b)) : SLICE_NONE;
	buf_release(&b);
	return text;
}

static size_t at_of(const struct request_view *v, slice part)
{
	return (size_t)(part.p - v->body.p);
}

/* One more element at the end of an array that stands in the body. */
static bool append(const struct request_view *v, slice array, slice element, struct json_edits *edits,
                   struct arena *mem)
{
	struct body_elements e;
	slice first;
	if (!body_elements(array, &e) || element.n == 0)
		return false;
	slice with = body_next(&e, &first) ? arena_printf(mem, "," SLICE_FMT, SLICE_ARG(element)) : element;
	return with.p && json_edit_insert(edits, at_of(v, array) + array.n - 1, with);
}

/* The last element of an array; n 0: there is none. */
static slice last_of(slice array)
{
	struct body_elements e;
	slice one, last = SLICE_NONE;
	if (body_elements(array, &e))
		while (body_next(&e, &one))
			last = one;
	return last;
}

enum { F_ROLE, F_CONTENT, F_TYPE, F_CALLS, F_N };
static const struct wire_word fields[] = {
    WIRE_WORD("role", F_ROLE),
    WIRE_WORD("content", F_CONTENT),
    WIRE_WORD("type", F_TYPE),
    WIRE_WORD("tool_calls", F_CALLS),
};

/* A user's last message gets one more block; its text, when it is one, becomes the first. */
static bool add_block(const struct request_view *v, slice before, slice after, slice block,
                      struct json_edits *edits, struct arena *mem)
{
	slice at[F_N] = {{0}};
	if (!body_fields(last_of(v->messages), WIRE_WORDS(fields), at) || !body_is(at[F_ROLE], SLICE("user")))
		return false;
	if (body_is_array(at[F_CONTENT]))
		return append(v, at[F_CONTENT], block, edits, mem);
	if (!body_is_string(at[F_CONTENT]))
		return false;
	slice with = arena_printf(mem, "[" SLICE_FMT SLICE_FMT SLICE_FMT "," SLICE_FMT "]", SLICE_ARG(before),
	                          SLICE_ARG(at[F_CONTENT]), SLICE_ARG(after), SLICE_ARG(block));
	size_t from = at_of(v, at[F_CONTENT]);
	return with.p && json_edit_replace(edits, from, from + at[F_CONTENT].n, with);
}

bool codec_advise_anthropic(const struct request_view *v, slice note, struct json_edits *edits,
                            struct arena *mem)
{
	slice text = quoted(note, mem);
	return text.n &&
	       add_block(v, SLICE("{\"type\":\"text\",\"text\":"), SLICE("}"),
	                 arena_printf(mem, "{\"type\":\"text\",\"text\":" SLICE_FMT "}", SLICE_ARG(text)),
	                 edits, mem);
}

bool codec_advise_converse(const struct request_view *v, slice note, struct json_edits *edits,
                           struct arena *mem)
{
	slice text = quoted(note, mem);
	return text.n &&
	       add_block(v, SLICE("{\"text\":"), SLICE("}"),
	                 arena_printf(mem, "{\"text\":" SLICE_FMT "}", SLICE_ARG(text)), edits, mem);
}

/* InvokeModel takes bodies of several makers: Anthropic's blocks say their type, Amazon's do not. */
bool codec_advise_invoke(const struct request_view *v, slice note, struct json_edits *edits,
                         struct arena *mem)
{
	slice at[F_N] = {{0}};
	if (!body_fields(last_of(v->messages), WIRE_WORDS(fields), at))
		return false;
	bool typed = body_is_string(at[F_CONTENT]);
	slice block[F_N] = {{0}};
	if (body_fields(last_of(at[F_CONTENT]), WIRE_WORDS(fields), block))
		typed = block[F_TYPE].n > 0;
	return typed ? codec_advise_anthropic(v, note, edits, mem)
	             : codec_advise_converse(v, note, edits, mem);
}

/* A message of its own; not between a call of tools and their results. */
bool codec_advise_chat(const struct request_view *v, slice note, struct json_edits *edits, struct arena *mem)
{
	slice at[F_N] = {{0}}, text = quoted(note, mem);
	if (!text.n || !body_fields(last_of(v->messages), WIRE_WORDS(fields), at) ||
	    body_is(at[F_ROLE], SLICE("assistant")))
		return false;
	return append(v, v->messages,
	              arena_printf(mem, "{\"role\":\"user\",\"content\":" SLICE_FMT "}", SLICE_ARG(text)),
	              edits, mem);
}

bool codec_advise_responses(const struct request_view *v, slice note, struct json_edits *edits,
                            struct arena *mem)
{
	static const char item[] =
	    "{\"type\":\"message\",\"role\":\"user\",\"content\":[{\"type\":\"input_text\",\"text\":";
	slice at[F_N] = {{0}}, text = quoted(note, mem);
	if (!text.n)
		return false;
	slice one = arena_printf(mem, "%s" SLICE_FMT "}]}", item, SLICE_ARG(text));
	if (body_is_array(v->messages)) {
		if (!body_fields(last_of(v->messages), WIRE_WORDS(fields), at) ||
		    body_is(at[F_TYPE], SLICE("function_call")) ||
		    body_is(at[F_TYPE], SLICE("custom_tool_call")))
			return false;
		return append(v, v->messages, one, edits, mem);
	}
	if (!body_is_string(v->messages) || one.p == NULL)
		return false;
	slice with = arena_printf(mem, "[%s" SLICE_FMT "}]}," SLICE_FMT "]", item, SLICE_ARG(v->messages),
	                          SLICE_ARG(one));
	size_t from = at_of(v, v->messages);
	return with.p && json_edit_replace(edits, from, from + v->messages.n, with);
}

bool codec_advise_gemini(const struct request_view *v, slice note, struct json_edits *edits,
                         struct arena *mem)
{
	slice at[F_N] = {{0}}, text = quoted(note, mem);
	if (!text.n || !body_fields(last_of(v->messages), WIRE_WORDS(fields), at) ||
	    body_is(at[F_ROLE], SLICE("model")))
		return false;
	return append(
	    v, v->messages,
	    arena_printf(mem, "{\"role\":\"user\",\"parts\":[{\"text\":" SLICE_FMT "}]}", SLICE_ARG(text)),
	    edits, mem);
}
