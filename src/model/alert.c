#include "model/alert.h"

static const char *const kinds[] = {
#define X(id, name, what) #name,
    ALERT_KIND_LIST(X)
#undef X
};
static const char *const severities[] = {
#define X(id, name) #name,
    ALERT_SEVERITY_LIST(X)
#undef X
};
static const char *const labels[] = {
#define X(name) #name,
    ALERT_LABEL_LIST(X)
#undef X
};

static int find(const char *const *names, int n, slice name)
{
	int i = 0;
	while (i < n && !slice_eq(slice_of(names[i]), name))
		i++;
	return i;
}

const char *alert_kind_name(enum alert_kind k)
{
	return k < ALERT_KINDS ? kinds[k] : "?";
}

enum alert_kind alert_kind_from_name(slice name)
{
	return (enum alert_kind)find(kinds, ALERT_KINDS, name);
}

const char *alert_severity_name(enum alert_severity s)
{
	return s < ALERT_SEVERITIES ? severities[s] : "?";
}

enum alert_severity alert_severity_from_name(slice name)
{
	return (enum alert_severity)find(severities, ALERT_SEVERITIES, name);
}

bool alert_label_known(slice name)
{
	int n = sizeof labels / sizeof *labels;
	return find(labels, n, name) < n;
}

static bool value_matches(slice have, slice want)
{
	bool not = slice_starts(want, SLICE("!"));
	slice rest = not ? slice_sub(want, 1, want.n) : want, part;
	bool any = rest.n == 0 && have.n == 0;
	while (!any && slice_split(&rest, ',', &part))
		any = slice_glob(have, slice_trim(part));
	return any != not ;
}

bool alert_labels_match(const struct alert_label *have, size_t have_n, const struct alert_label *want,
                        size_t want_n)
{
	for (size_t w = 0; w < want_n; w++) {
		slice value = SLICE_NONE;
		for (size_t h = 0; h < have_n; h++)
			if (slice_eq(have[h].name, want[w].name))
				value = have[h].value;
		if (!value_matches(value, want[w].value))
			return false;
	}
	return true;
}

bool alert_target_wants(const struct alert_target *t, enum alert_kind k, enum alert_severity s,
                        const struct alert_label *have, size_t have_n)
{
	if (t->kinds && !(t->kinds & UINT64_C(1) << k))
		return false;
	return (int)s >= t->severity && alert_labels_match(have, have_n, t->where, t->where_n);
}
