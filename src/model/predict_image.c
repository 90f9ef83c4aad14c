/* Images in tokens. OpenAI: platform.openai.com/docs/guides/images-vision#calculating-costs; Anthropic:
 * platform.claude.com/docs/en/build-with-claude/vision#evaluate-image-size; Gemini:
 * ai.google.dev/gemini-api/docs/tokens#multimodal-tokens. */
#include "model/predict_impl.h"

/* --- sizes -----------------------------------------------------------------------------------------------
 */

static int value_of(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' || c == '-' ? 62 : c == '/' || c == '_' ? 63 : -1;
}

/* n decoded bytes from `at` on; false when they are not there. */
static bool bytes_at(slice base64, size_t at, unsigned char *out, size_t n)
{
	for (size_t i = 0; i < n; i++, at++) {
		size_t bit = at * 8, c = bit / 6;
		if (c + 1 >= base64.n)
			return false;
		int high = value_of(base64.p[c]), low = value_of(base64.p[c + 1]);
		if (high < 0 || low < 0)
			return false;
		out[i] = (unsigned char)(((unsigned)high << 6 | (unsigned)low) >> (4 - bit % 6));
	}
	return true;
}

static uint32_t big16(const unsigned char *p)
{
	return (uint32_t)p[0] << 8 | p[1];
}

static uint32_t little16(const unsigned char *p)
{
	return (uint32_t)p[1] << 8 | p[0];
}

/* From marker to marker until the frame's header (ITU T.81, B.2.2). */
static struct image_size jpeg_size(slice base64)
{
	unsigned char m[9];
	size_t at = 2;
	for (int markers = 0; markers < 100 && bytes_at(base64, at, m, 9) && m[0] == 0xff; markers++) {
		if (m[1] >= 0xc0 && m[1] <= 0xcf && m[1] != 0xc4 && m[1] != 0xc8 && m[1] != 0xcc)
			return (struct image_size){big16(m + 7), big16(m + 5)};
		at += m[1] == 0xff ? 1 : 2 + big16(m + 2);
	}
	return (struct image_size){0, 0};
}

/* VP8, VP8L and VP8X chunks (RFC 9649). */
static struct image_size webp_size(const unsigned char *p)
{
	if (memcmp(p + 12, "VP8 ", 4) == 0)
		return (struct image_size){little16(p + 26) & 0x3fff, little16(p + 28) & 0x3fff};
	if (memcmp(p + 12, "VP8L", 4) == 0) {
		uint32_t bits = little16(p + 21) | little16(p + 23) << 16;
		return (struct image_size){(bits & 0x3fff) + 1, (bits >> 14 & 0x3fff) + 1};
	}
	if (memcmp(p + 12, "VP8X", 4) == 0)
		return (struct image_size){(little16(p + 24) | (uint32_t)p[26] << 16) + 1,
		                           (little16(p + 27) | (uint32_t)p[29] << 16) + 1};
	return (struct image_size){0, 0};
}

struct image_size predict_image_size(slice base64)
{
	unsigned char p[30] = {0};
	struct image_size none = {0, 0};
	if (!bytes_at(base64, 0, p, sizeof p))
		return none;
	if (memcmp(p, "\x89PNG", 4) == 0)
		return (struct image_size){big16(p + 16) << 16 | big16(p + 18),
		                           big16(p + 20) << 16 | big16(p + 22)};
	if (memcmp(p, "GIF8", 4) == 0)
		return (struct image_size){little16(p + 6), little16(p + 8)};
	if (p[0] == 0xff && p[1] == 0xd8)
		return jpeg_size(base64);
	return memcmp(p, "RIFF", 4) == 0 && memcmp(p + 8, "WEBP", 4) == 0 ? webp_size(p) : none;
}

/* --- formulas --------------------------------------------------------------------------------------------
 */

#define SIDE_MAX 100000u /* larger is no image that is taken */

static uint32_t up(uint64_t n, uint64_t by)
{
	return (uint32_t)((n + by - 1) / by);
}

static struct image_size fit(struct image_size s, uint64_t longest)
{
	uint64_t side = s.w > s.h ? s.w : s.h;
	if (side > longest) {
		s.w = (uint32_t)(s.w * longest / side);
		s.h = (uint32_t)(s.h * longest / side);
	}
	s.w += s.w == 0;
	s.h += s.h == 0;
	return s;
}

static const struct openai_image {
	const char *pattern;
	uint32_t base, tile;    /* by tiles of 512 */
	uint32_t patch_percent; /* by patches of 32, at most 1536; 0: by tiles */
} openai_images[] = {
    {"gpt-4o-mini*", 2833, 5667, 0},
    {"gpt-4.1-mini*", 0, 0, 162},
    {"gpt-4.1-nano*", 0, 0, 246},
    {"gpt-5*-mini*", 0, 0, 162},
    {"gpt-5*-nano*", 0, 0, 246},
    {"o4-mini*", 0, 0, 172},
    {"o1*", 75, 150, 0},
    {"o3*", 75, 150, 0},
    {"gpt-5*", 70, 140, 0},
    {"computer-use*", 65, 129, 0},
    {"*", 85, 170, 0},
};

static uint32_t openai_tokens(slice model, struct image_size s, slice detail, uint32_t *most)
{
	const struct openai_image *m = openai_images;
	while (!slice_glob(model, slice_of(m->pattern)))
		m++;
	*most = m->patch_percent ? 1536 * m->patch_percent / 100 + 1 : m->base + 8 * m->tile;
	if (m->patch_percent) {
		uint32_t patches = s.w ? up(s.w, 32) * up(s.h, 32) : 1024;
		return up((uint64_t)(patches < 1536 ? patches : 1536) * m->patch_percent, 100);
	}
	if (slice_eq(detail, SLICE("low")))
		return m->base;
	if (!s.w)
		return m->base + 4 * m->tile;
	s = fit(s, 2048);
	uint64_t shortest = s.w < s.h ? s.w : s.h;
	if (shortest > 768) {
		s.w = (uint32_t)(s.w * UINT64_C(768) / shortest);
		s.h = (uint32_t)(s.h * UINT64_C(768) / shortest);
	}
	return m->base + m->tile * up(s.w, 512) * up(s.h, 512);
}

static uint32_t claude_tokens(struct image_size s, uint32_t *most)
{
	*most = 4800;
	if (!s.w)
		return 1500;
	s = fit(s, 1568);
	uint32_t n = up((uint64_t)s.w * s.h, 750);
	return n < 1600 ? n : 1600;
}

static uint32_t gemini_tokens(slice model, struct image_size s, uint32_t *most)
{
	*most = 258 * 16;
	if (slice_find(model, SLICE("gemini-3")) >= 0)
		return 1090;
	if (!s.w || (s.w <= 384 && s.h <= 384))
		return 258;
	uint32_t shortest = s.w < s.h ? s.w : s.h, unit = shortest * 2 / 3;
	unit = unit < 256 ? 256 : unit > 768 ? 768 : unit;
	return 258 * up(s.w, unit) * up(s.h, unit);
}

uint32_t predict_image_tokens(enum predict_family f, slice model, const struct body_item *it, uint32_t *most)
{
	struct image_size s = predict_image_size(it->data.raw);
	if (s.w == 0 || s.h == 0 || s.w > SIDE_MAX || s.h > SIDE_MAX)
		s = (struct image_size){0, 0};
	uint32_t tokens = 0;
	switch (f) {
	case FAMILY_CLAUDE:
		tokens = claude_tokens(s, most);
		break;
	case FAMILY_GEMINI:
		tokens = gemini_tokens(model, s, most);
		break;
	case FAMILY_OPENAI:
	case FAMILY_OTHER:
	case FAMILIES:
		tokens = openai_tokens(model, s, it->detail.raw, most);
		break;
	}
	*most = *most > tokens ? *most - tokens : 0;
	return tokens;
}
