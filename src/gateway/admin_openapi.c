/* OpenAPI 3.1 (spec.openapis.org/oas/v3.1.0) of the routes. */
#include <stdio.h>
#include <ctype.h>

#include "base/version.h"
#include "gateway/admin.h"

/* "get_api_v1_keys_id" */
static slice operation_id(struct admin *a, const struct admin_route *r)
{
	char *out = arena_alloc(&a->mem, strlen(r->path) + 16);
	size_t n = 0;
	for (const char *p = r->method; out && *p; p++)
		out[n++] = (char)tolower((unsigned char)*p);
	for (const char *p = r->path + sizeof "/api/v1" - 1; out && *p; p++)
		if (isalnum((unsigned char)*p) || *p == '/')
			out[n++] = *p == '/' ? '_' : *p;
	return slice_make(out, out ? n : 0);
}

static void put_parameter(struct jsonw *w, slice name, const char *where)
{
	jsonw_object(w);
	jsonw_put_string(w, SLICE("name"), name);
	jsonw_put_string(w, SLICE("in"), slice_of(where));
	jsonw_put_bool(w, SLICE("required"), strcmp(where, "path") == 0);
	jsonw_put_raw(w, SLICE("schema"), SLICE("{\"type\":\"string\"}"));
	jsonw_object_end(w);
}

static void put_parameters(struct jsonw *w, const struct admin_route *r)
{
	const char *open = strchr(r->path, '{'), *shut = open ? strchr(open, '}') : NULL;
	slice rest = slice_of(r->query), name;
	jsonw_key(w, SLICE("parameters"));
	jsonw_array(w);
	if (shut)
		put_parameter(w, slice_make(open + 1, (size_t)(shut - open - 1)), "path");
	while (rest.n && slice_split(&rest, ',', &name))
		put_parameter(w, name, "query");
	jsonw_array_end(w);
}

static void put_content(struct jsonw *w, const char *schema, bool stream)
{
	jsonw_key(w, SLICE("content"));
	jsonw_object(w);
	jsonw_key(w, stream ? SLICE("text/event-stream") : SLICE("application/json"));
	jsonw_object(w);
	jsonw_put_raw(w, SLICE("schema"), slice_of(schema));
	jsonw_object_end(w);
	jsonw_object_end(w);
}

static void put_answers(struct jsonw *w, const struct admin_route *r)
{
	jsonw_key(w, SLICE("responses"));
	jsonw_object(w);
	jsonw_key(w, SLICE("2XX"));
	jsonw_object(w);
	jsonw_put_string(w, SLICE("description"), slice_of(r->summary));
	put_content(w, r->answer, r->run == admin_events);
	jsonw_object_end(w);
	jsonw_key(w, SLICE("default"));
	jsonw_object(w);
	jsonw_put_string(w, SLICE("description"), SLICE("Why not, in words"));
	put_content(w, "{\"$ref\":\"#/components/schemas/Error\"}", false);
	jsonw_object_end(w);
	jsonw_object_end(w);
}

static void put_operation(struct admin *a, const struct admin_route *r)
{
	char method[8];
	size_t n = 0;
	for (const char *p = r->method; *p && n < sizeof method - 1; p++)
		method[n++] = (char)tolower((unsigned char)*p);
	struct jsonw *w = &a->w;
	jsonw_key(w, slice_make(method, n));
	jsonw_object(w);
	jsonw_put_string(w, SLICE("operationId"), operation_id(a, r));
	jsonw_put_string(w, SLICE("summary"), slice_of(r->summary));
	jsonw_key(w, SLICE("x-weir-roles"));
	jsonw_array(w);
	for (int i = 0; i < ROLE_N; i++)
		if (r->roles & ROLE_BIT(i))
			jsonw_string(w, slice_of(role_name((enum role)i)));
	jsonw_array_end(w);
	put_parameters(w, r);
	if (r->body) {
		jsonw_key(w, SLICE("requestBody"));
		jsonw_object(w);
		jsonw_put_bool(w, SLICE("required"), true);
		put_content(w, r->body, false);
		jsonw_object_end(w);
	}
	put_answers(w, r);
	jsonw_object_end(w);
}

static void put_head(struct jsonw *w)
{
	jsonw_put_string(w, SLICE("openapi"), SLICE("3.1.0"));
	jsonw_put_raw(w, SLICE("info"), SLICE("{\"title\":\"Weir\",\"version\":\"" WEIR_VERSION "\"}"));
	jsonw_put_raw(w, SLICE("security"), SLICE("[{\"key\":[]}]"));
	jsonw_put_raw(
	    w, SLICE("components"),
	    SLICE("{\"securitySchemes\":{\"key\":{\"type\":\"apiKey\",\"in\":\"header\",\"name\":"
	          "\"x-weir-key\"}},\"schemas\":{\"Error\":{\"type\":\"object\",\"required\":[\"error\"],"
	          "\"properties\":{\"error\":{\"type\":\"object\",\"required\":[\"message\"],"
	          "\"properties\":{\"message\":{\"type\":\"string\"}}}}}}}"));
}

int admin_elsewhere(struct admin *a)
{
	(void)a;
	return ERR_NOT_FOUND;
}

int admin_openapi(struct admin *a)
{
	struct jsonw *w = &a->w;
	jsonw_object(w);
	put_head(w);
	jsonw_key(w, SLICE("paths"));
	jsonw_object(w);
	for (size_t i = 0; i < admin_routes_n; i++) {
		bool first = true; /* operations of one path stand together */
		for (size_t k = 0; k < i; k++)
			first = first && strcmp(admin_routes[k].path, admin_routes[i].path) != 0;
		if (!first)
			continue;
		jsonw_key(w, slice_of(admin_routes[i].path));
		jsonw_object(w);
		for (size_t k = i; k < admin_routes_n; k++)
			if (strcmp(admin_routes[k].path, admin_routes[i].path) == 0)
				put_operation(a, &admin_routes[k]);
		jsonw_object_end(w);
	}
	jsonw_object_end(w);
	jsonw_object_end(w);
	return admin_end(a);
}
