#include "call.h"

#include <string.h>

const char *const api_names[] = {
#define X(id, name) name,
    SIM_APIS(X)
#undef X
};

const char *const fault_names[] = {
#define X(id, name) name,
    SIM_FAULTS(X)
#undef X
};

void directives_init(struct directives *d)
{
	*d = (struct directives){.at = -1,
	                         .times = -1,
	                         .delay_ms = -1,
	                         .stall_ms = -1,
	                         .events = -1,
	                         .rate = -1,
	                         .size = -1,
	                         .event_size = -1,
	                         .reply_tokens = -1,
	                         .reasoning = -1,
	                         .retry_after = -1,
	                         .huge = -1,
	                         .chunk = -1,
	                         .early = -1,
	                         .seed = -1};
}

static bool set_fault(struct directives *d, struct str value)
{
	int64_t status = str_int(value);

	if (status >= 400 && status <= 599) {
		d->fault = FAULT_STATUS;
		d->status = (int)status;
		return true;
	}
	for (size_t i = 0; i < sizeof fault_names / sizeof *fault_names; i++)
		if (i != FAULT_STATUS && str_eq(value, fault_names[i])) {
			d->fault = (enum fault)i;
			return true;
		}
	return false;
}

static const struct {
	const char *key;
	size_t offset;
	int64_t max;
} numbers[] = {
    {"at", offsetof(struct directives, at), 1000000000},
    {"after", offsetof(struct directives, at), 1000000000},
    {"times", offsetof(struct directives, times), 1000000},
    {"delay", offsetof(struct directives, delay_ms), 86400000},
    {"stall", offsetof(struct directives, stall_ms), 86400000},
    {"events", offsetof(struct directives, events), 10000000},
    {"rate", offsetof(struct directives, rate), 1000000},
    {"size", offsetof(struct directives, size), 256 << 20},
    {"event_size", offsetof(struct directives, event_size), 16 << 20},
    {"reply_tokens", offsetof(struct directives, reply_tokens), 64 << 20},
    {"reasoning", offsetof(struct directives, reasoning), 1000000},
    {"retry_after", offsetof(struct directives, retry_after), 86400},
    {"huge", offsetof(struct directives, huge), 256 << 20},
    {"chunk", offsetof(struct directives, chunk), 16 << 20},
    {"early", offsetof(struct directives, early), 599},
    {"seed", offsetof(struct directives, seed), INT64_MAX},
};

static bool set_number(struct directives *d, struct str key, struct str value)
{
	int64_t v = str_int(value);

	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
		if (!str_eq(key, numbers[i].key))
			continue;
		if (v < 0 || v > numbers[i].max)
			return false;
		memcpy((char *)d + numbers[i].offset, &v, sizeof v);
		return true;
	}
	return false;
}

static bool set_quirk(struct directives *d, struct str value)
{
	static const char *const names[] = {
#define X(id, name) name,
	    SIM_QUIRKS(X)
#undef X
	};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (str_eq(value, names[i])) {
			d->quirk = (enum quirk)i;
			return true;
		}
	return false;
}

static bool set_one(struct directives *d, struct str key, struct str value)
{
	if (str_eq(key, "fault"))
		return set_fault(d, value);
	if (str_eq(key, "script"))
		return str_copy(d->script, sizeof d->script, value), d->script_by_header = true;
	if (str_eq(key, "text"))
		return str_copy(d->text, sizeof d->text, value), true;
	if (str_eq(key, "stamp"))
		return d->stamp = !str_eq(value, "0"), true;
	if (str_eq(key, "usage"))
		return d->no_usage = str_eq(value, "none"), true;
	if (str_eq(key, "quirk"))
		return set_quirk(d, value);
	if (str_eq(key, "bench"))
		return d->bench = !str_eq(value, "0"), true;
	return set_number(d, key, value);
}

bool directives_parse(struct directives *d, struct str text, struct str *bad)
{
	while (text.n) {
		struct str one = str_trim(str_cut(&text, ';')), value = one,
		           key = str_trim(str_cut(&value, '='));

		if (one.n && !set_one(d, key, str_trim(value))) {
			*bad = one;
			return false;
		}
	}
	return true;
}
