#include "cli/key_remote.h"

#include <cjson/cJSON.h>

#include "base/crypto.h"
#include "cli/remote.h"
#include "text/jsonw.h"

#define ANSWER_MAX (16u << 20)
#define BODY_MAX   (64u << 10)

static const char *text_of(const cJSON *o, const char *name)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, name);
	return cJSON_IsString(v) ? v->valuestring : "-";
}

static int print_keys(const struct cli *c, const cJSON *keys, bool all)
{
	const cJSON *k;
	size_t shown = 0;
	cJSON *kept = cJSON_CreateArray();
	cJSON_ArrayForEach(k, keys)
	{
		if (!all && strcmp(text_of(k, "state"), "active"))
			continue;
		if (c->json)
			cJSON_AddItemToArray(kept, cJSON_Duplicate(k, true));
		else
			fprintf(c->out, "%-14s  %-30s  %-12s  %-9s  %-7s  %.10s\n", text_of(k, "id"),
			        text_of(k, "user"), text_of(k, "team"), text_of(k, "role"),
			        text_of(k, "state"), text_of(k, "created"));
		shown++;
	}
	char *text = c->json ? cJSON_PrintUnformatted(kept) : NULL;
	if (text)
		fprintf(c->out, "%s\n", text);
	else if (shown == 0)
		fputs("There is no such key that you may see.\n", c->err);
	cJSON_free(text);
	cJSON_Delete(kept);
	return EXIT_DONE;
}

int key_remote_list(struct cli *c, bool all)
{
	struct buf answer;
	buf_init(&answer, ANSWER_MAX);
	int status = remote_get(c, SLICE("/api/v1/keys"), &answer);
	slice text = buf_slice(&answer);
	cJSON *o = status == EXIT_DONE ? cJSON_ParseWithLength(text.p, text.n) : NULL;
	if (o)
		status = print_keys(c, cJSON_GetObjectItemCaseSensitive(o, "keys"), all);
	else if (status == EXIT_DONE)
		status = cli_fail(c, "%s gave no answer to understand", c->server);
	cJSON_Delete(o);
	buf_release(&answer);
	return status;
}

static int write_wish(const struct ledger_key *k, slice expires, struct buf *body)
{
	struct jsonw w;
	jsonw_init(&w, body);
	jsonw_object(&w);
	jsonw_put_string(&w, SLICE("user"), k->user);
	if (k->team.n)
		jsonw_put_string(&w, SLICE("team"), k->team);
	jsonw_put_string(&w, SLICE("role"), slice_of(role_name(k->role)));
	if (k->attributes.n)
		jsonw_put_raw(&w, SLICE("attributes"), k->attributes);
	if (expires.n)
		jsonw_put_string(&w, SLICE("expires"), expires);
	jsonw_object_end(&w);
	return jsonw_end(&w);
}

int key_remote_create(struct cli *c, const struct ledger_key *k, slice expires)
{
	struct buf body, answer;
	buf_init(&body, BODY_MAX);
	buf_init(&answer, ANSWER_MAX);
	int status = write_wish(k, expires, &body) < 0
	                 ? cli_fail(c, "the attributes are too many")
	                 : remote_call(c, "POST", SLICE("/api/v1/keys"), buf_slice(&body), &answer);
	slice text = slice_trim(buf_slice(&answer));
	cJSON *o = status == EXIT_DONE ? cJSON_ParseWithLength(text.p, text.n) : NULL;
	if (o) {
		fprintf(c->err, "Key %s of %s, %s, expires: %.10s. It is shown only now:\n", text_of(o, "id"),
		        text_of(o, "user"), text_of(o, "role"), expires.n ? text_of(o, "expires") : "never");
		if (c->json)
			fprintf(c->out, SLICE_FMT "\n", SLICE_ARG(text));
		else
			fprintf(c->out, "%s\n", text_of(o, "key"));
	} else if (status == EXIT_DONE) {
		status = cli_fail(c, "%s gave no answer to understand", c->server);
	}
	cJSON_Delete(o);
	if (answer.data)
		crypto_zero(answer.data, answer.cap);
	buf_release(&answer);
	buf_release(&body);
	return status;
}

static bool is_id(const char *text)
{
	return strncmp(text, "k_", 2) == 0 && strlen(text) < 40 &&
	       text[2 + strspn(text + 2, "0123456789abcdefghijklmnopqrstuvwxyz")] == '\0';
}

int key_remote_change(struct cli *c, const char *id, bool rotating)
{
	char path[100];
	struct buf answer;
	if (!is_id(id))
		return cli_usage_error(
		    c, &command_key,
		    "with --server a key is named by its ID (k_…): `weir key list` shows it");
	snprintf(path, sizeof path, "/api/v1/keys/%s%s", id, rotating ? "/rotate" : "");
	buf_init(&answer, ANSWER_MAX);
	int status = remote_call(c, rotating ? "POST" : "DELETE", slice_of(path), SLICE_NONE, &answer);
	slice text = slice_trim(buf_slice(&answer));
	cJSON *o = status == EXIT_DONE ? cJSON_ParseWithLength(text.p, text.n) : NULL;
	if (o && c->json)
		fprintf(c->out, SLICE_FMT "\n", SLICE_ARG(text));
	else if (o && rotating)
		fprintf(c->out, "%s\n", text_of(o, "key"));
	if (o)
		fprintf(c->err, "Key %s opens nothing from now on.\n", id);
	else if (status == EXIT_DONE)
		status = cli_fail(c, "%s gave no answer to understand", c->server);
	cJSON_Delete(o);
	buf_release(&answer);
	return status;
}
