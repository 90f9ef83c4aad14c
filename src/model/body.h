/* A request's content, in order, as items: what each message, tool definition and system prompt is made of,
 * where it stands in the body. Nothing is copied or allocated; texts are as they stand, escapes not resolved.
 *
 * A body is walked in two steps, so that what is known already need not be read again:
 *   body_spans gives its spans: each tool definition, the system prompt, each message, as a range of the
 *   body. One pass that only skips; a span may be hashed and looked up;
 *   a codec's `items` gives the items of one span (registry_items: of all of them).
 * Both only work on a view that the codec's `request` made of the same body. */
#ifndef WEIR_MODEL_BODY_H
#define WEIR_MODEL_BODY_H

#include "model/types.h"
#include "model/wire.h"
#include "text/json.h"

/* In the order in which providers put them before the model, and in which caches match. */
enum body_section { BODY_TOOLS, BODY_SYSTEM, BODY_MESSAGES };

struct body_span {
	enum body_section section;
	int64_t index; /* in `tools` or `messages` of the body; 0 for the system prompt */
	slice raw; /* its JSON value: an element of tools or messages, the whole of system, or the whole of
	              messages when that is one text */
};
/* Non-zero ends the walk, which then returns it. */
typedef int body_span_fn(void *arg, const struct body_span *s);
int body_spans(const struct request_view *v, body_span_fn *on_span, void *arg);

/* id, name */
#define ITEM_LIST(X)                                                                                         \
	X(ITEM_SYSTEM, system) /* also a system's or developer's message among the others */                 \
	X(ITEM_TOOL_DEFINITION, tool_definition)                                                             \
	X(ITEM_USER_TEXT, user_text)                                                                         \
	X(ITEM_ASSISTANT_TEXT, assistant_text)                                                               \
	X(ITEM_THINKING, thinking)                                                                           \
	X(ITEM_TOOL_CALL, tool_call)                                                                         \
	X(ITEM_TOOL_RESULT, tool_result)                                                                     \
	X(ITEM_IMAGE, image)                                                                                 \
	X(ITEM_FILE, file) /* documents, video, and files by id or address */                                \
	X(ITEM_AUDIO, audio)                                                                                 \
	X(ITEM_OTHER, other)
#define X(id, name) id,
enum item_kind { ITEM_LIST(X) ITEM_KINDS };
#undef X
const char *item_kind_name(enum item_kind k);

struct body_item {
	enum item_kind kind;
	const struct body_span *span; /* the message or definition it stands in */
	bool first;                   /* of its span; every span has at least one item */
	bool assistant;               /* said by the model: its own words, calls, thinking */
	slice raw; /* the item's own JSON value: block, part, definition, or the text itself */

	/* Its words: a string, or, when text.raw.p is NULL, a JSON value (arguments as an object, a schema, a
	 * result that is an object); both absent when there are none to read. */
	json_str text;
	slice json;

	/* TOOL_DEFINITION, TOOL_CALL, and TOOL_RESULT where the dialect says it: the tool's name as it
	 * stands. A built-in tool has its type for a name (web_search, local_shell). */
	json_str name;
	json_str space; /* the server or namespace it belongs to, when the body says so (mcp server_label) */
	/* TOOL_CALL and TOOL_RESULT, and the IMAGE, FILE or AUDIO inside a result: pairs the two. n 0 when
	 * there is none. A result of several blocks is several items with the same id, all but the first
	 * `more`. */
	json_str call_id;
	bool more;
	bool in_result;        /* one of the blocks that a result is made of, of whatever kind */
	bool is_error;         /* TOOL_RESULT: the client says that the tool failed */
	bool by_provider;      /* a tool that ran, or runs, at the provider */
	bool cache_breakpoint; /* the cache may be written up to here (cache_control, cachePoint) */

	json_str sealed; /* what the model thought, as a text that only its provider reads (a signature,
	                    encrypted content) */

	/* IMAGE, FILE, AUDIO */
	json_str
	    media_type;  /* image/png, or a format's name (png, wav); n 0: unknown, or in the data: address */
	json_str data;   /* base64 as it stands, in quotes in the body; n 0 when it is elsewhere */
	json_str url;    /* an address (not data:) or the id of a file */
	json_str detail; /* IMAGE, OpenAI: low, high, auto */
};
typedef int body_item_fn(void *arg, const struct body_item *it);

/* --- what the codecs' walkers share ----------------------------------------------------------------------
 */

struct body_walk {
	const struct body_span *span;
	body_item_fn *on_item;
	void *arg;
	bool any; /* an item was given */
	int rc;   /* non-zero: stop */
};
/* Runs a walker over a span: `read` gives items by body_give. A span without any gets one of kind OTHER. */
typedef void body_reader(struct body_walk *w, slice raw);
int body_walk(const struct body_span *s, body_reader *read, body_item_fn *on_item, void *arg);
void body_give(struct body_walk *w, struct body_item *it);

/* The fields of an object as the raw values they are: at[id], n 0 when absent or null. False, and nothing
 * set, when raw is no object. */
bool body_fields(slice raw, struct wire_words fields, slice *at);
/* The first member's key; false when raw is no object or empty. */
bool body_first_key(slice raw, json_key *k);
/* raw as a string: what is between its quotes; n 0 and p NULL for another type. */
json_str body_string(slice raw);
/* A literal as if it stood in a body. */
static inline json_str body_literal(slice s)
{
	return (json_str){s, slice_find_char(s, '\\') >= 0};
}
static inline bool body_is(slice raw, slice text)
{
	json_str s = body_string(raw);
	return s.raw.p && json_str_is(&s, text);
}
static inline bool body_is_string(slice raw)
{
	return raw.n >= 2 && raw.p[0] == '"';
}
static inline bool body_is_array(slice raw)
{
	return raw.n >= 2 && raw.p[0] == '[';
}
static inline bool body_is_object(slice raw)
{
	return raw.n >= 2 && raw.p[0] == '{';
}
static inline bool body_is_true(slice raw)
{
	return raw.n == 4 && raw.p[0] == 't';
}
/* The elements of an array, one after the other: from *at = raw (an array) on; false at the end. */
struct body_elements {
	struct json j;
};
bool body_elements(slice raw, struct body_elements *e); /* false: no array */
bool body_next(struct body_elements *e, slice *raw);
/* Puts value into the item as its words: a string as text, anything else as json. */
void body_words(struct body_item *it, slice value);
/* Takes "data:image/png;base64,…" apart; anything else is an address. */
void body_address(struct body_item *it, json_str address);

#endif
