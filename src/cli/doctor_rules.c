/* What is odd about the rules of a configuration that is good: what is tried only, and what can never happen.
 */
#include "cli/doctor.h"

static const struct rule *rule_at(const void *all, size_t size, size_t i)
{
	return (const struct rule *)(const void *)((const char *)all + i * size);
}

/* Those of that mode by name; "" when there are none. */
static const char *named(struct doctor *d, const void *all, size_t n, size_t size, int mode)
{
	const char *names = "";
	for (size_t i = 0; i < n; i++) {
		const struct rule *r = rule_at(all, size, i);
		if (r->mode == mode)
			names =
			    doctor_text(d, "%s%s" SLICE_FMT, names, *names ? ", " : "", SLICE_ARG(r->name));
	}
	return names;
}

static void kind(struct doctor *d, const char *what, const void *all, size_t n, size_t size)
{
	if (n == 0)
		return;
	const char *shadow = named(d, all, n, size, MODE_SHADOW), *off = named(d, all, n, size, MODE_OFF);
	doctor_find(d, FINDING_OK, what, NULL, "%zu%s%s%s%s", n, *shadow ? "; only recorded (shadow): " : "",
	            shadow, *off ? "; off: " : "", off);
}

/* A gate for every call leaves none to those behind it. */
static void dead_gates(struct doctor *d, const struct settings *s)
{
	for (size_t i = 0; i + 1 < s->gates_n; i++) {
		const struct rule *r = &s->gates[i].rule;
		if (r->mode != MODE_ENFORCE || r->where || r->cohort.kind != COHORT_ALL)
			continue;
		doctor_find(d, FINDING_NOTE, "gates",
		            doctor_text(d, "Give it a `where`, or move it to the end (" SLICE_FMT ":%d).",
		                        SLICE_ARG(r->place.file), r->place.line),
		            "\"" SLICE_FMT "\" decides every call, so that the %zu behind it are never asked",
		            SLICE_ARG(r->name), s->gates_n - i - 1);
		return;
	}
}

void doctor_rules(struct doctor *d, const struct settings *s)
{
	kind(d, "budgets", s->budgets, s->budgets_n, sizeof *s->budgets);
	kind(d, "quotas", s->quotas, s->quotas_n, sizeof *s->quotas);
	kind(d, "gates", s->gates, s->gates_n, sizeof *s->gates);
	dead_gates(d, s);
}
