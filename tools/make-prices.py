#!/usr/bin/env python3
"""Makes data/prices.json and data/prices.md out of public price books.

usage: tools/make-prices.py BOOKS [--out data] [--quiet]

BOOKS is a folder that holds, each in a folder of its own, copies of

    genai-prices/prices/new_data/v2/data.json          pydantic/genai-prices, MIT
    langfuse/default-model-prices.json                 langfuse/langfuse, MIT
    models.dev/toml.tar.gz                             anomalyco/models.dev, MIT
    litellm-mirror/YYYY-MM-DD.json                     monthly copies of LiteLLM's price file, MIT
    tokencost-litellm-2025-09/model_prices.json        AgentOps-AI/tokencost, MIT
    llm-prices/data/*.json                             simonw/llm-prices: only compared with, nothing is taken

and beside it (or in it) a SOURCE.txt with a line "owner+name<TAB>commit date<TAB>licence" for each. Before them all comes
data/prices-added.json, kept by hand in the price book's own format: what vendors published after the books were copied,
each row with its source.

How a price is chosen, vendor by vendor (the summary counts how often each case came up):

 1. Books are read in the order above, which is that of trust. The first to list a name sets its price.
 2. A name that one book only has as another way to call a model, and a later book of PROMOTERS lists with a price of
    its own that differs, becomes a model with that price: an own entry knows more than an alias.
 3. A later book that agrees on input and output fills in what is missing: meters, service tiers, long context, sizes.
 4. Where books disagree the first stands, and the difference is counted and listed.
 5. RULES (below) are what vendors state for all their models, and no book holds for each.

Amounts are decimal all the way: integers of nano-dollars for a million units. The result depends on the books alone.
"""
import argparse
import glob
import json
import os
import re
import sys
import tarfile
import tomllib
from decimal import Decimal
from fractions import Fraction

NANO = 10**9
SEARCH, INPUT, OUTPUT = "web_searches", "input", "output"
READ, WRITE5, WRITE1 = "cache_read", "cache_write_5m", "cache_write_1h"
METERS = [INPUT, READ, WRITE5, WRITE1, OUTPUT, "reasoning", "input_audio", "cache_read_audio", "output_audio",
          "input_image", "output_image", SEARCH, "hosted_tool_calls", "file_searches", "code_sessions",
          "cache_storage_token_hours"]
TOKEN_METERS = METERS[:METERS.index(SEARCH)]

# A change of price that was announced, is in a book, and was taken back: (name, date).
CANCELLED = {("claude-sonnet-5", "2026-09-01")}
# What a vendor states for all its models. (vendor, what, page it stands on)
RULES = [
    ("a Claude model's 1 h cache write costs twice its input, whoever sells it",
     "https://platform.claude.com/docs/en/about-claude/pricing"),
    ("anthropic: batch costs half, on every token meter", "https://platform.claude.com/docs/en/about-claude/pricing"),
    ("anthropic: US-only inference costs 1.1 times, on every token meter, for models from Opus 4.6 on",
     "https://platform.claude.com/docs/en/about-claude/pricing"),
    ("anthropic: web search costs 10 USD for 1,000 searches", "https://platform.claude.com/docs/en/about-claude/pricing"),
    ("openai: web search costs 10 USD for 1,000 calls, 25 USD with the gpt-4o and gpt-4.1 families",
     "https://platform.openai.com/docs/pricing"),
    ("openai: batch costs half, on every token meter, where no book says otherwise", "https://platform.openai.com/docs/pricing"),
    ("openai: file search costs 2.50 USD for 1,000 calls, a code interpreter's container 0.03 USD; other hosted tools are "
     "priced as that container", "https://platform.openai.com/docs/pricing"),
    ("google: an explicit cache costs 4.50 USD for a million tokens and hour with Pro models, 1.00 USD with Flash models",
     "https://ai.google.dev/gemini-api/docs/pricing"),
    ("anthropic took back the rise of Claude Sonnet 5 that was announced for 2026-09-01",
     "https://platform.claude.com/docs/en/about-claude/pricing"),
    ("Bedrock sells a new Claude model at list price on its global endpoint and a tenth dearer in a region", None),
    ("a reseller that lists a price from before a change of the maker's follows the maker's change", None),
    ("models with a fee for each request, or for a search that no usage field reports, are left out: they would be "
     "booked too low", None),
    ("a model with no cache discount in any book bills cache reads as input", None),
]
NEWER_CLAUDE = re.compile(r"^(?:[a-z-]+\.)?(?:anthropic\.)?claude-(opus-4-[6-9]|opus-5|sonnet-4-[6-9]|sonnet-5|haiku-5|fable-5|mythos-5)")

GENAI_VENDORS = {"anthropic": "anthropic", "openai": "openai", "google": "google", "aws": "bedrock", "azure": "azure",
                 "x-ai": "xai", "mistral": "mistral", "groq": "groq", "deepseek": "deepseek", "together": "together",
                 "fireworks": "fireworks", "cerebras": "cerebras", "cohere": "cohere", "moonshotai": "moonshot",
                 "zhipuai": "zhipu", "zai": "zhipu", "minimax": "minimax", "openrouter": "openrouter",
                 "perplexity": "perplexity", "voyageai": "voyage"}
MODELS_DEV_VENDORS = {"anthropic": "anthropic", "openai": "openai", "google": "google", "google-vertex": "vertex",
                      "google-vertex-anthropic": "vertex", "amazon-bedrock": "bedrock", "azure": "azure", "xai": "xai",
                      "mistral": "mistral", "groq": "groq", "deepseek": "deepseek", "togetherai": "together",
                      "fireworks-ai": "fireworks", "cerebras": "cerebras", "cohere": "cohere",
                      "moonshotai": "moonshot", "zai": "zhipu", "minimax": "minimax", "openrouter": "openrouter",
                      "alibaba": "alibaba", "perplexity": "perplexity", "opencode": "opencode",
                      "deepinfra": "deepinfra"}
# LiteLLM's provider -> vendors, and the prefix its names carry
LITELLM_VENDORS = {"anthropic": (["anthropic"], ""), "openai": (["openai"], ""),
                   "text-completion-openai": (["openai"], ""), "gemini": (["google"], "gemini/"),
                   "vertex_ai-language-models": (["google", "vertex"], ""),
                   "vertex_ai-embedding-models": (["google", "vertex"], ""),
                   "vertex_ai-anthropic_models": (["vertex"], "vertex_ai/"), "bedrock": (["bedrock"], ""),
                   "bedrock_converse": (["bedrock"], ""), "azure": (["azure"], "azure/"), "xai": (["xai"], "xai/"),
                   "mistral": (["mistral"], "mistral/"), "groq": (["groq"], "groq/"),
                   "deepseek": (["deepseek"], "deepseek/"), "together_ai": (["together"], "together_ai/"),
                   "fireworks_ai": (["fireworks"], "fireworks_ai/"), "cerebras": (["cerebras"], "cerebras/"),
                   "cohere": (["cohere"], ""), "cohere_chat": (["cohere"], ""), "moonshot": (["moonshot"], "moonshot/"),
                   "zhipu": (["zhipu"], ""), "minimax": (["minimax"], ""), "openrouter": (["openrouter"], "openrouter/"),
                   "dashscope": (["alibaba"], "dashscope/"), "perplexity": (["perplexity"], "perplexity/"),
                   "voyage": (["voyage"], "voyage/"), "deepinfra": (["deepinfra"], "deepinfra/")}
# Books whose own entries win over an alias of an earlier book. Not for Bedrock, where genai-prices names the regions.
PROMOTERS = {"langfuse", "models.dev"}
BEDROCK_REGIONS = ["us", "eu", "apac", "jp", "au", "us-gov"]


def plain_name(name):
    """A model's name without a reseller's spelling: anthropic/claude-sonnet-4.5@default -> claude-sonnet-4-5"""
    return name.lower().split("/")[-1].split("@")[0].replace(".", "-")


class Listing:
    """One book's entry for one model of one vendor. Prices are nano-dollars for a million units."""

    def __init__(self, book, vendor, name):
        self.book, self.vendor, self.name = book, vendor, name
        self.aliases, self.patterns = [], []
        self.rows = []      # (from date or None, {meter: price}, {threshold: {meter: price}})
        self.tiers = {}     # (service tier, threshold or 0) -> {meter: price}, beside the last row
        self.speeds = {}    # speed -> {meter: price}
        self.regions = {}   # region -> factor
        self.window = self.most = None

    @property
    def base(self):
        return self.rows[-1][1]


class Summary:
    def __init__(self):
        self.counts, self.notes = {}, []

    def add(self, what, note=None):
        self.counts[what] = self.counts.get(what, 0) + 1
        if note:
            self.notes.append(f"{what}: {note}")


SUMMARY = Summary()
UNMETERED = set()   # (vendor, name) with a fee that no meter counts
SEARCH_MODEL = re.compile(r"search-(preview|api)")


def nano(usd_for_a_million):
    """Decimal USD for a million units -> nano-dollars, exactly."""
    value = Decimal(usd_for_a_million) * NANO
    if value != value.to_integral_value():
        SUMMARY.add("amounts below a nano-dollar for a million, rounded")
        value = value.to_integral_value()
    return int(value)


def clean(per_token):
    """A price for one token, freed of binary noise (1.9999999999999999e-07)."""
    value = Decimal(per_token)
    digits = len(value.normalize().as_tuple().digits)
    if digits > 9:
        SUMMARY.add("amounts with binary noise, rounded to 7 digits")
        value = Decimal(f"{value:.6E}")
    return value * 1_000_000


def load_json(path):
    with open(path, encoding="utf-8") as f:
        return json.load(f, parse_float=Decimal)


# ---- genai-prices --------------------------------------------------------------------------------------------------

GENAI_METERS = {"input_mtok": INPUT, "cache_read_mtok": READ, "cache_write_mtok": WRITE5,
                "cache_write_1h_mtok": WRITE1, "output_mtok": OUTPUT, "output_reasoning_mtok": "reasoning",
                "input_audio_mtok": "input_audio", "cache_audio_read_mtok": "cache_read_audio",
                "output_audio_mtok": "output_audio", "input_image_mtok": "input_image",
                "output_image_mtok": "output_image"}


def genai_row(prices):
    base, long = {}, {}
    for key, value in prices.items():
        if key == "web_searches_kcount":
            base[SEARCH] = nano(Decimal(value) * 1000)
        elif key in GENAI_METERS:
            meter = GENAI_METERS[key]
            if isinstance(value, dict):
                base[meter] = nano(value["base"])
                for tier in value["tiers"]:
                    long.setdefault(tier["start"], {})[meter] = nano(tier["price"])
            else:
                base[meter] = nano(value)
        else:
            SUMMARY.add(f"genai-prices keys without a meter ({key})")
    return base, long


def genai_rows(prices):
    """[(from, base, long)]; hours of the day are not modelled: the dearest of them stands."""
    if isinstance(prices, dict):
        return [(None, *genai_row(prices))]
    rows, hourly = [], []
    for entry in prices:
        constraint = entry.get("constraint") or {}
        row = genai_row(entry["prices"])
        (hourly if "start_time" in constraint else rows).append((constraint.get("start_date"), *row))
    for _, base, _ in hourly:
        SUMMARY.add("prices by the hour of the day: the dearest was taken")
        if base.get(INPUT, 0) > rows[-1][1].get(INPUT, 0):
            rows[-1] = (rows[-1][0], base, rows[-1][2])
    return sorted(rows, key=lambda r: r[0] or "")


def genai_clauses(match):
    """(kind, text) for each leaf; 'and' does not occur with more than one side that matters."""
    for key, value in match.items():
        if key in ("or", "and"):
            for one in value:
                yield from genai_clauses(one)
        else:
            yield key, value


def genai_matches(match, name):
    name = name.lower()
    for key, value in match.items():
        test = {"or": lambda v: any(genai_matches(m, name) for m in v),
                "and": lambda v: all(genai_matches(m, name) for m in v),
                "equals": lambda v: name == v.lower(), "starts_with": lambda v: name.startswith(v.lower()),
                "ends_with": lambda v: name.endswith(v.lower()), "contains": lambda v: v.lower() in name,
                "regex": lambda v: re.search(v, name) is not None}[key]
        if not test(value):
            return False
    return True


class GenaiPrices:
    def __init__(self, root):
        self.matches = {}   # vendor -> [(match, model id)]
        self.listings = []
        for provider in load_json(f"{root}/genai-prices/prices/new_data/v2/data.json"):
            vendor = GENAI_VENDORS.get(provider["id"])
            if vendor is None:
                SUMMARY.add("genai-prices providers left out", provider["id"])
                continue
            for model in provider["models"]:
                self.add("vertex" if vendor == "google" and "claude" in model["id"] else vendor, model)

    def add(self, vendor, model):
        if "requests_kcount" in str(model["prices"]):
            UNMETERED.update((vendor, text.lower()) for _, text in [("", model["id"]), *genai_clauses(model["match"])])
        rows = [r for r in genai_rows(model["prices"]) if r[1]]
        if not rows:
            SUMMARY.add("entries without prices left out")
            return
        name = model["id"]
        self.matches.setdefault(vendor, []).append((model["match"], name))
        for region in ("regional.",) if name.startswith("regional.") else ():
            name = name[len(region):]
        listing = Listing("genai-prices", vendor, name)
        listing.rows, listing.window = rows, model.get("context_window")
        for kind, text in genai_clauses(model["match"]):
            self.alias(listing, kind, text)
        self.listings.append(listing)

    @staticmethod
    def alias(listing, kind, text):
        if kind == "equals":
            listing.aliases.append(text)
        elif kind == "regex":
            SUMMARY.add("regular expressions of genai-prices left to the snapshot rule")
        elif text.endswith(("-", "@")) or text.endswith("-0"):
            listing.patterns.append(text + "*")
        else:
            listing.aliases.append(text)
            if listing.vendor == "google":
                listing.patterns += [f"{text}-0??", f"{text}-preview*", f"{text}-exp*"]
            if listing.vendor == "openai" and kind == "starts_with" and text.startswith("ft:"):
                listing.patterns.append(text + "*")
            if listing.vendor == "bedrock":
                listing.aliases.append(re.sub(r"-v\d(:\d)?$", "", listing.name))
            if listing.vendor == "bedrock" and not text.startswith("global."):
                bare = re.sub(r"^(us|eu|apac|jp|au|us-gov)\.", "", text)
                listing.aliases += [bare] + [f"{region}.{bare}" for region in BEDROCK_REGIONS if "." in bare]

    def loose(self, vendor, name):
        """The id of the model that genai-prices would take for a name."""
        for match, model in self.matches.get(vendor, []):
            if genai_matches(match, name):
                return model.removeprefix("regional.")
        return None


# ---- langfuse --------------------------------------------------------------------------------------------------------

LANGFUSE_METERS = [(INPUT, ["input"]), (OUTPUT, ["output"]),
                   (READ, ["input_cache_read", "input_cached_tokens", "cache_read_input_tokens",
                           "cached_content_token_count"]),
                   (WRITE5, ["input_cache_creation_5m", "input_cache_creation", "cache_write_tokens"]),
                   (WRITE1, ["input_cache_creation_1h"]), ("input_audio", ["input_audio", "input_audio_tokens"]),
                   ("output_audio", ["output_audio", "output_audio_tokens"]), ("input_image", ["input_image"]),
                   (SEARCH, ["web_search_queries"])]


def langfuse_prices(prices):
    out = {}
    for meter, keys in LANGFUSE_METERS:
        for key in keys:
            if key in prices:
                out[meter] = nano(clean(prices[key]))
                break
    return out


def langfuse_vendor(name):
    if name.startswith("claude"):
        return "anthropic"
    if name.startswith(("gemini", "chat-bison", "codechat", "text-bison", "text-unicorn", "textembedding", "code-")):
        return "google"
    return "openai"


def langfuse_condition(tier):
    """(service tier, speed, threshold) of a pricing tier."""
    service = speed = None
    threshold = 0
    for condition in tier["conditions"]:
        if "usageDetailPattern" in condition:
            threshold = int(condition["value"])
        elif condition["key"] == "service_tier":
            service = "|".join(sorted(condition["values"], reverse=True))
        elif condition["key"] == "speed":
            speed = "|".join(condition["values"])
    return service, speed, threshold


def read_langfuse(root):
    out = []
    for model in load_json(f"{root}/langfuse/default-model-prices.json"):
        listing = Listing("langfuse", langfuse_vendor(model["modelName"]), model["modelName"])
        base, long = {}, {}
        for tier in model["pricingTiers"]:
            service, speed, threshold = langfuse_condition(tier)
            prices = langfuse_prices(tier["prices"])
            if tier["isDefault"]:
                base = prices
            elif service:
                listing.tiers[service, threshold] = prices
            elif speed:
                listing.speeds[speed] = prices
            else:
                long[threshold] = prices
        if INPUT not in base:
            SUMMARY.add("entries without an input price left out")
            continue
        listing.rows = [(None, base, long)]
        out.append(listing)
    return out


# ---- models.dev ------------------------------------------------------------------------------------------------------

MODELS_DEV_METERS = {"input": INPUT, "output": OUTPUT, "cache_read": READ, "cache_write": WRITE5,
                     "reasoning": "reasoning", "input_audio": "input_audio", "output_audio": "output_audio"}


def models_dev_prices(cost):
    return {MODELS_DEV_METERS[k]: nano(v) for k, v in cost.items() if k in MODELS_DEV_METERS}


def read_models_dev(root):
    files = {}
    with tarfile.open(f"{root}/models.dev/toml.tar.gz") as tar:
        for member in tar:
            if member.isfile() and member.name.endswith(".toml"):
                files[member.name.removeprefix("./")] = tar.extractfile(member).read().decode()
    out = []
    for path in sorted(files):
        part = re.match(r"providers/([^/]+)/models/(.+)\.toml$", path)
        vendor = MODELS_DEV_VENDORS.get(part[1]) if part else None
        if vendor is None:
            continue
        data = tomllib.loads(files[path], parse_float=Decimal)
        base_model = files.get(f"models/{data.get('base_model', '')}.toml")
        below = tomllib.loads(base_model, parse_float=Decimal) if base_model else {}
        cost = data.get("cost") or {}
        prices = models_dev_prices(cost)
        if not prices.get(INPUT) and not prices.get(OUTPUT):
            SUMMARY.add("free or unpriced entries of models.dev left out")
            continue
        listing = Listing("models.dev", vendor, part[2].removesuffix("@default"))
        if vendor == "vertex" and "@" in listing.name:
            listing.aliases.append(listing.name.split("@")[0])
        long = {int(t["tier"]["size"]): models_dev_prices(t) for t in cost.get("tiers", [])}
        if "context_over_200k" in cost:
            long[200000] = models_dev_prices(cost["context_over_200k"])
        if long and NEWER_CLAUDE.search(plain_name(part[2])):
            SUMMARY.add("long-context prices of newer Claude models left out")
            long = {}
        listing.rows = [(None, prices, long)]
        limit = {**below.get("limit", {}), **data.get("limit", {})}
        listing.window, listing.most = limit.get("context"), limit.get("output")
        for mode in data.get("experimental", {}).get("modes", {}).values():
            body = mode.get("provider", {}).get("body", {})
            if "speed" in body and "cost" in mode:
                listing.speeds[body["speed"]] = models_dev_prices(mode["cost"])
        out.append(listing)
    return out


# ---- LiteLLM and its copies --------------------------------------------------------------------------------------------

LITELLM_METERS = {"input_cost_per_token": INPUT, "cache_read_input_token_cost": READ,
                  "cache_creation_input_token_cost": WRITE5, "cache_creation_input_token_cost_above_1hr": WRITE1,
                  "output_cost_per_token": OUTPUT, "output_cost_per_reasoning_token": "reasoning",
                  "input_cost_per_audio_token": "input_audio", "cache_read_input_audio_token_cost": "cache_read_audio",
                  "output_cost_per_audio_token": "output_audio", "input_cost_per_image_token": "input_image",
                  "output_cost_per_image_token": "output_image"}
LITELLM_KEY = re.compile(r"(?P<stem>.*?)(?:_above_(?P<k>\d+)k_tokens)?(?:_(?P<tier>flex|priority|batches))?$")


def litellm_entry(book, vendor, name, entry):
    base, long, tiers = {}, {}, {}
    for key, value in entry.items():
        part = LITELLM_KEY.match(key)
        if not part or part["stem"] not in LITELLM_METERS or not isinstance(value, (int, Decimal)):
            continue
        meter, threshold = LITELLM_METERS[part["stem"]], int(part["k"] or 0) * 1000
        tier = {"batches": "batch", "priority": "priority|fast", "flex": "flex"}.get(part["tier"])
        where = tiers.setdefault((tier, threshold), {}) if tier else long.setdefault(threshold, {}) if threshold else base
        where[meter] = nano(clean(value))
    if base.get("reasoning") == base.get(OUTPUT):
        base.pop("reasoning", None)
    searches = entry.get("search_context_cost_per_query")
    if searches and "search-preview" not in name and "search-api" not in name:
        base[SEARCH] = nano(Decimal(searches.get("search_context_size_medium", 0)) * 1_000_000)
    if not base.get(INPUT) and not base.get(OUTPUT):
        return None
    if not any(long.get(t, {}).get(INPUT) for t in long):
        long = {}
    listing = Listing(book, vendor, name)
    listing.rows, listing.tiers = [(None, base, {t: p for t, p in long.items() if p.get(INPUT)})], tiers
    window, most = entry.get("max_input_tokens"), entry.get("max_output_tokens")
    listing.window = window if isinstance(window, int) else None
    listing.most = most if isinstance(most, int) else None
    special = entry.get("provider_specific_entry") or {}
    if "fast" in special:
        listing.speeds["fast"] = {m: int(p * Fraction(special["fast"])) for m, p in base.items() if m in TOKEN_METERS}
    for region in ("us", "eu"):
        factor = entry.get(f"regional_processing_uplift_multiplier_{region}") or special.get(region)
        if factor:
            listing.regions[region] = Fraction(factor)
    return listing


def read_litellm(book, path):
    out = []
    for key, entry in sorted(load_json(path).items()):
        vendors, prefix = LITELLM_VENDORS.get(entry.get("litellm_provider") if isinstance(entry, dict) else None, ([], ""))
        name = key.removeprefix(prefix)
        for vendor in vendors:
            if vendor in ("bedrock", "azure") and "/" in name:
                SUMMARY.add("prices of single data centres left out")
                continue
            if vendor == "vertex" and name.startswith("gemini/"):
                continue
            if vendor == "anthropic" and "/" in name:
                continue
            # LiteLLM's patterns for fine-tuned models are prefixes
            listing = litellm_entry(book, vendor, name, entry)
            if listing and name.startswith("ft:"):
                listing.patterns.append(name + ":*")
            if listing:
                out.append(listing)
    return out


# ---- what is kept by hand ------------------------------------------------------------------------------------------------


def plain_price(value):
    return nano(value) if isinstance(value, str) else int(value)


def read_added(path):
    """(listings, sources, date) of data/prices-added.json; a subset of the format: modifiers stand in the row."""
    book = load_json(path)
    out = []
    for vendor, models in book["vendors"].items():
        for name, entry in models.items():
            listing = Listing(entry["prices"][-1]["source"], vendor, name)
            listing.aliases, listing.window, listing.most = entry.get("names", []), entry["context_window"], entry["max_output"]
            for row in entry["prices"]:
                base = {m: plain_price(row[m]) for m in METERS if m in row}
                long = {}
                for one in row.get("modifiers", []):
                    scaled = {m: base[m] * Fraction(one["times"]) for m in base if m in TOKEN_METERS} if "times" in one else {}
                    if "above_context" in one:
                        long[one["above_context"]] = {m: plain_price(one[m]) for m in METERS if m in one}
                    elif "tier" in one:
                        listing.tiers[one["tier"], 0] = scaled
                    elif "speed" in one:
                        listing.speeds[one["speed"]] = scaled
                    else:
                        listing.regions.update({r: Fraction(one["times"]) for r in one["region"].split("|")})
                listing.rows.append((row.get("from"), base, long))
            out.append(listing)
    return out, book["sources"], book["date"]


# ---- choosing ----------------------------------------------------------------------------------------------------------

SNAPSHOT = [re.compile(r"(-latest|@latest|@default)$"), re.compile(r"-v\d(:\d)?$"),
            re.compile(r"(-2\d{3}-\d\d-\d\d|[-@]2\d{7})$")]


def families(name):
    """What the program's snapshot rule makes of a name, mark by mark."""
    for _ in range(3):
        for mark in SNAPSHOT:
            cut = mark.sub("", name)
            if cut != name and cut:
                name = cut
                yield name
                break
        else:
            return


class Model:
    def __init__(self, listing):
        self.name, self.vendor = listing.name, listing.vendor
        self.rows = [(start, dict(base), {t: dict(p) for t, p in long.items()}) for start, base, long in listing.rows]
        self.books = [listing.book]
        self.tiers, self.speeds, self.regions = {}, {}, {}
        self.window, self.most = listing.window, listing.most
        self.names, self.patterns = [], []
        self.fill(listing)

    def agrees(self, listing):
        """Whether some row has the listing's input and output price."""
        key = lambda p: (p.get(INPUT, 0), p.get(OUTPUT, 0))
        return any(key(base) == key(listing.base) for _, base, _ in self.rows)

    def fill(self, listing):
        """What the listing knows and the model does not yet; they agree."""
        used = False
        for _, base, long in self.rows:
            same = (base.get(INPUT), base.get(OUTPUT)) == (listing.base.get(INPUT), listing.base.get(OUTPUT))
            for meter, price in listing.base.items():
                if meter not in base and (same or meter == SEARCH):
                    base[meter] = price
                    used = True
            if same and not long and listing.rows[-1][2] and len(self.rows) == 1 and not self.flat():
                long.update({t: dict(p) for t, p in listing.rows[-1][2].items()})
                SUMMARY.add("long-context prices taken from a later book", f"{self.vendor}/{self.name} {listing.book}")
                used = True
            for threshold, prices in listing.rows[-1][2].items():
                if same and threshold in long:
                    for meter, price in prices.items():
                        if meter not in long[threshold] and meter in base:
                            long[threshold][meter] = price
        for kind, prices in listing.tiers.items():
            used |= self.keep(self.tiers, kind, prices, listing)
        for speed, prices in listing.speeds.items():
            used |= self.keep(self.speeds, speed, prices, listing)
        for region, factor in listing.regions.items():
            if region not in self.regions:
                self.regions[region] = factor
                used = True
        self.window = self.window or listing.window
        self.most = self.most or listing.most
        if used and listing.book not in self.books:
            self.books.append(listing.book)

    def flat(self):
        """Claude models from Opus 4.6 on cost the same over their whole window; later books keep an old premium."""
        return NEWER_CLAUDE.search(plain_name(self.name)) is not None

    def keep(self, into, kind, prices, listing):
        """A tier's or a speed's prices, with the base they stand beside."""
        long = listing.rows[-1][2]
        threshold = kind[1] if isinstance(kind, tuple) else 0
        beside = dict(long.get(threshold) or listing.base) if threshold else listing.base
        ratios = {m: Fraction(p, beside[m]) for m, p in prices.items() if beside.get(m) and m in TOKEN_METERS}
        if not ratios:
            return False
        if kind in into:
            if into[kind].get(INPUT) != ratios.get(INPUT) or into[kind].get(OUTPUT) != ratios.get(OUTPUT):
                SUMMARY.add("disagreements on a tier or a speed", f"{self.vendor}/{self.name} {kind} "
                            f"{show(into[kind])} against {show(ratios)} of {listing.book}")
            return False
        into[kind] = ratios
        return True


def show(ratios):
    return {m: float(r) for m, r in ratios.items()}


class Vendor:
    def __init__(self, name, genai):
        self.name, self.genai = name, genai
        self.models, self.by_name, self.by_pattern = {}, {}, {}
        self.weak = set()   # regional names of Bedrock made up of a name that genai-prices says any region may precede

    def find(self, name):
        return self.by_name.get(name.lower())

    def take(self, listing):
        known = self.find(listing.name)
        if known is None:   # Bedrock's version mark is no model of its own
            known = self.find(re.sub(r"-v\d(:\d)?$", "", listing.name)) if self.name == "bedrock" else None
            if known is not None and not known.agrees(listing):
                if self.promotes(listing):
                    known = None
                else:
                    self.differ(known, listing)
                    return
        if known is None:
            known = self.near(listing)
            if known is None:
                known = self.add(listing)
            elif known.agrees(listing):
                self.agree(known, listing)
        elif known.agrees(listing):
            self.agree(known, listing)
        elif known.name.lower() != listing.name.lower() and self.promotes(listing):
            SUMMARY.add("aliases that became models of their own", f"{self.name}/{listing.name} of {listing.book}, "
                        f"{usd(listing.base)} against {usd(known.rows[-1][1])} of {known.name}")
            known.names = [n for n in known.names if n.lower() != listing.name.lower()]
            del self.by_name[listing.name.lower()]
            known = self.add(listing)
        else:
            self.differ(known, listing)
            return
        for alias in listing.aliases:
            self.alias(known, alias)
        for pattern in listing.patterns:
            if pattern.lower() not in self.by_pattern:
                self.by_pattern[pattern.lower()] = known
                known.patterns.append(pattern)

    def promotes(self, listing):
        """Whether an own entry of this book wins over an alias."""
        if self.name == "bedrock":
            return any(n in self.weak for n in (listing.name.lower(), re.sub(r"-v\d(:\d)?$", "", listing.name.lower())))
        return listing.book in PROMOTERS

    def differ(self, known, listing):
        SUMMARY.add("disagreements on a price", f"{self.name}/{listing.name}: {usd(known.rows[-1][1])} of "
                    f"{known.books[0]} stands against {usd(listing.base)} of {listing.book}")

    def agree(self, known, listing):
        SUMMARY.add(f"agreements of {listing.book}")
        known.fill(listing)

    def near(self, listing):
        """A model that the program finds by the snapshot rule, or genai-prices by a loose match, at the same price."""
        for family in families(listing.name):
            known = self.find(family)
            if known is not None:
                return known if known.agrees(listing) else None
        loose = self.genai.loose(self.name, listing.name)
        known = self.find(loose) if loose else None
        if known is not None and known.agrees(listing):
            self.alias(known, listing.name)
            return known
        return None

    def add(self, listing):
        model = Model(listing)
        self.models[model.name.lower()] = model
        self.by_name[model.name.lower()] = model
        SUMMARY.add(f"models from {listing.book}")
        return model

    def alias(self, model, alias):
        if len(alias) > 120 or alias.lower() in self.by_name:
            return
        self.by_name[alias.lower()] = model
        model.names.append(alias)
        if self.name == "bedrock" and "claude" not in alias and re.match(r"(eu|apac|jp|au)\.", alias):
            self.weak.add(alias.lower())


def usd(prices):
    return f"{prices.get(INPUT, 0) / NANO:g}/{prices.get(OUTPUT, 0) / NANO:g}"


# ---- rules -------------------------------------------------------------------------------------------------------------


def claude_rules(vendor, model):
    for _, base, long in model.rows:
        for prices in [base, *long.values()]:
            if WRITE5 in prices and INPUT in prices:
                if prices.get(WRITE1) not in (None, 2 * prices[INPUT]):
                    SUMMARY.add("1 h cache writes that are not twice the input, mended", f"{vendor}/{model.name}")
                prices[WRITE1] = 2 * prices[INPUT]
    if vendor != "anthropic":
        return
    everything = {m: Fraction(1, 2) for m in TOKEN_METERS}
    model.tiers = {("batch", 0): everything}
    model.regions = {"us": Fraction(11, 10)} if NEWER_CLAUDE.match(model.name) else {}
    for _, base, _ in model.rows:
        base.setdefault(SEARCH, nano(10_000))


def openai_rules(vendor, model):
    if vendor == "openai":
        model.tiers.setdefault(("batch", 0), {m: Fraction(1, 2) for m in TOKEN_METERS})
    dearer = re.match(r"(gpt-4o|gpt-4\.1|chatgpt-4o)", model.name)
    for _, base, _ in model.rows:
        if OUTPUT in base:
            base.setdefault(SEARCH, nano(25_000 if dearer else 10_000))
            base.setdefault("hosted_tool_calls", nano(30_000))
            base.setdefault("file_searches", nano(2_500))
            base.setdefault("code_sessions", nano(30_000))


def gemini_rules(model):
    hour = 4.5 if "pro" in model.name.split("-") else 1 if "flash" in model.name.split("-") else None
    for _, base, _ in model.rows:
        if hour and OUTPUT in base and READ in base:
            base.setdefault("cache_storage_token_hours", nano(Decimal(str(hour))))


def apply_rules(vendors):
    for vendor in vendors.values():
        for model in vendor.models.values():
            if "claude" in model.name:
                claude_rules(vendor.name, model)
            elif vendor.name in ("openai", "azure"):
                openai_rules(vendor.name, model)
            elif vendor.name in ("google", "vertex") and "gemini" in model.name:
                gemini_rules(model)
            for _, base, long in model.rows:
                if INPUT in base and OUTPUT in base and READ not in base:
                    base[READ] = base[INPUT]
                    for prices in long.values():
                        if INPUT in prices:
                            prices[READ] = prices[INPUT]


def follow_makers(vendors):
    """A reseller's price of before a dated change, out of a book that does not know the change."""
    makers = {}
    for maker in ("anthropic", "openai", "google"):
        for model in vendors[maker].models.values():
            if len(model.rows) > 1:
                makers[plain_name(model.name)] = model
    for name in ("vertex", "azure", "openrouter", "opencode"):
        for model in vendors[name].models.values():
            maker = makers.get(plain_name(model.name))
            key = lambda row: (row[1].get(INPUT), row[1].get(OUTPUT))
            if maker is None or len(model.rows) > 1 or key(model.rows[0]) not in [key(r) for r in maker.rows[:-1]]:
                continue
            SUMMARY.add("resellers' prices that follow a change of the maker's", f"{name}/{model.name}")
            model.rows = [(start, dict(base), {t: dict(p) for t, p in long.items()}) for start, base, long in maker.rows]
            model.books = [*maker.books, maker.vendor]


def drop_cancelled(vendors):
    for vendor in vendors.values():
        for model in vendor.models.values():
            plain = re.sub(r"^(?:[a-z-]+-)?(?:anthropic-)?(?=claude)", "", plain_name(model.name))
            plain = re.sub(r"-v\d(:\d)?$", "", plain)
            kept = [row for row in model.rows if (plain, row[0]) not in CANCELLED]
            if len(kept) != len(model.rows):
                SUMMARY.add("changes of price that were taken back, left out", f"{vendor.name}/{model.name}")
                model.rows = kept


def sell_added(vendors, added):
    """New Claude models where they are sold too: Google Cloud and Foundry at list price, Bedrock's regions a tenth dearer."""
    for listing in added:
        if listing.vendor != "anthropic":
            continue
        model = vendors["anthropic"].find(listing.name)
        names = [("vertex", listing.name, 1), ("azure", listing.name, 1), ("bedrock", f"global.anthropic.{listing.name}", 1),
                 ("bedrock", f"anthropic.{listing.name}", Fraction(11, 10))]
        for vendor, name, factor in names:
            if vendors[vendor].find(name) is not None:
                continue
            scale = lambda prices: {m: int(p * factor) if m in TOKEN_METERS else p for m, p in prices.items()}
            copy = Model.__new__(Model)
            copy.__dict__.update(model.__dict__)
            copy.name, copy.vendor, copy.tiers, copy.speeds, copy.regions = name, vendor, {}, {}, {}
            copy.rows = [(start, scale(base), {t: scale(p) for t, p in long.items()}) for start, base, long in model.rows]
            copy.books, copy.names, copy.patterns = [*model.books, "anthropic" if factor == 1 else "regional"], [], []
            vendors[vendor].models[name] = vendors[vendor].by_name[name] = copy
            if name.startswith("anthropic."):
                for region in BEDROCK_REGIONS:
                    vendors[vendor].alias(copy, f"{region}.{name}")
            SUMMARY.add("added Claude models at resellers")


def copy_models(vendors, source, target, note):
    """A reseller at list prices: what it does not list itself costs what it costs at the source."""
    if source not in vendors or target not in vendors:
        return
    for model in list(vendors[source].models.values()):
        if vendors[target].find(model.name) is not None or ("claude" in model.name):
            continue
        copy = Model.__new__(Model)
        copy.__dict__.update(model.__dict__)
        copy.vendor, copy.regions, copy.books = target, {}, [*model.books, note]
        copy.names, copy.patterns = [], []
        vendors[target].models[copy.name.lower()] = copy
        vendors[target].by_name[copy.name.lower()] = copy
        for alias in model.names:
            vendors[target].alias(copy, alias)
        for pattern in model.patterns:
            if pattern.lower() not in vendors[target].by_pattern:
                vendors[target].by_pattern[pattern.lower()] = copy
                copy.patterns.append(pattern)
        SUMMARY.add(f"models of {source} listed at {target} too")


# ---- writing -------------------------------------------------------------------------------------------------------------


def decimal(fraction):
    """A factor with at most 6 decimals, or None."""
    scaled = fraction * 1_000_000
    if scaled.denominator != 1:
        return None
    text = f"{scaled.numerator // 1_000_000}.{scaled.numerator % 1_000_000:06d}".rstrip("0").rstrip(".")
    return text


def factor_modifier(condition, ratios, base):
    """{condition, times, …}: one factor for most meters, prices of their own for the others."""
    priced = [m for m in TOKEN_METERS if m in base and base[m]]
    known = {m: ratios[m] for m in priced if m in ratios}
    if not known:
        return None
    common = known.get(INPUT) or known.get(OUTPUT) or next(iter(known.values()))
    others = {m: r for m, r in known.items() if r != common}
    # A book that leaves meters out (cache, audio) means the same factor for them.
    out = dict(condition)
    if decimal(common) is None:
        return {**condition, **{m: int(base[m] * r) for m, r in known.items()}}
    if common == 1 and not others:
        return None
    out["times"] = decimal(common)
    if others:
        out["meters"] = [m for m in TOKEN_METERS if m not in others]
        for m in METERS:
            if m in others:
                out[m] = int(base[m] * others[m])
    return out


def modifiers_of(model, base, long):
    out = []
    for threshold in sorted(long):
        prices = {m: long[threshold][m] for m in METERS if m in long[threshold] and m in base}
        missing = [m for m in (READ, WRITE5, WRITE1) if m in base and m not in prices]
        for m in missing:   # a long-context premium on input is one on cached input
            prices[m] = int(Fraction(base[m]) * Fraction(long[threshold][INPUT], base[INPUT]))
        out.append({"above_context": threshold, **{m: prices[m] for m in METERS if m in prices}})
    for tier, at in sorted(model.tiers):
        if at:
            continue
        one = factor_modifier({"tier": tier}, model.tiers[tier, at], base)
        if one is None:
            continue
        out.append(one)
        own = [m for m in METERS if m in one]
        for threshold in sorted(long) if own else ():
            told = model.tiers.get((tier, threshold), {})
            ratio = lambda m: told.get(m, Fraction(one[m], base[m]))
            prices = {m: int(long[threshold].get(m, base[m]) * ratio(m)) for m in own}
            out.append({"tier": tier, "above_context": threshold, **prices})
    for speed in sorted(model.speeds):
        one = factor_modifier({"speed": speed}, model.speeds[speed], base)
        if one:
            out.append(one)
    regions = {}
    for region, factor in sorted(model.regions.items()):
        regions.setdefault(factor, []).append(region)
    for factor, names in sorted(regions.items()):
        out.append({"region": "|".join(names), "times": decimal(factor)})
    return out


def set_name(modifiers):
    """A short name for a list of factors; None when it holds prices."""
    parts = []
    for one in modifiers:
        if "times" not in one or any(m in one for m in METERS) or "meters" in one:
            return None
        what = one.get("tier") or one.get("speed") or one.get("region")
        parts.append(f"{what} {one['times']}")   # whole: priority|fast is not priority
    return ", ".join(parts)


def same_row(a, b):
    strip = lambda row: {k: v for k, v in row.items() if k not in ("from", "source")}
    return strip(a) == strip(b)


def book_of(vendors, sources, date):
    sets, used, out = {}, set(), {}
    for vendor in sorted(vendors):
        models = {}
        for model in sorted(vendors[vendor].models.values(), key=lambda m: m.name.encode()):
            rows = []
            for start, base, long in model.rows:
                row = {"from": start} if start else {}
                row["source"] = "+".join(model.books)
                used.add(row["source"])
                row.update({m: base[m] for m in METERS if m in base})
                modifiers = modifiers_of(model, base, long)
                name = set_name(modifiers) if modifiers else None
                if name:
                    sets[name] = modifiers
                if modifiers:
                    row["modifiers"] = name or modifiers
                if not rows or not same_row(rows[-1], row):
                    rows.append(row)
            entry = {}
            names = sorted({n for n in model.names if n.lower() != model.name.lower()} | set(model.patterns))
            if names:
                entry["names"] = names
            if model.window:
                entry["context_window"] = model.window
            if model.most:
                entry["max_output"] = model.most
            entry["prices"] = rows
            models[model.name] = entry
        out[vendor] = models
    texts = {}
    for key in sorted(used):
        texts[key] = " + ".join(sources.get(book, book) for book in key.split("+"))
    return {"format": "weir-prices/1", "date": date, "sources": texts, "modifiers": dict(sorted(sets.items())),
            "vendors": out}


def write_book(book, path):
    """A line for each model, so that a change of the book can be read."""
    dump = lambda v: json.dumps(v, ensure_ascii=False, separators=(",", ":"))
    lines = ["{", f'"format":{dump(book["format"])},"date":{dump(book["date"])},']
    for part in ("sources", "modifiers"):
        items = [f"{dump(k)}:{dump(v)}" for k, v in book[part].items()]
        lines.append(f'"{part}":{{\n' + ",\n".join(items) + "\n},")
    vendors = []
    for vendor, models in book["vendors"].items():
        items = [f"{dump(k)}:{dump(v)}" for k, v in models.items()]
        vendors.append(f"{dump(vendor)}:{{\n" + ",\n".join(items) + "\n}")
    lines.append('"vendors":{\n' + ",\n".join(vendors) + "\n}}")
    with open(path, "w", encoding="utf-8") as f:
        f.write("\n".join(lines) + "\n")


def write_page(book, added_sources, seconds, books, path):
    rows = sum(len(m["prices"]) for v in book["vendors"].values() for m in v.values())
    models = sum(len(v) for v in book["vendors"].values())
    with open(path, "w", encoding="utf-8") as f:
        f.write("# The built-in price book\n\n"
                "`prices.json` is made by `tools/make-prices.py` from the public price books below and compiled into the\n"
                "program; do not edit it by hand. `docs/prices.md` tells the format and how to add prices of your own.\n\n"
                f"Date of the book: {book['date']} (that of the newest source). {models} models, {rows} prices, "
                f"{len(book['vendors'])} vendors.\n\n## Sources, in order of precedence\n\n"
                "| book | repository | commit | date | licence |\n| --- | --- | --- | --- | --- |\n")
        for name, repo, commit, day, licence in books:
            f.write(f"| {name} | {repo} | `{commit[:12]}` | {day} | {licence} |\n")
        f.write("\nBefore them stands [`prices-added.json`](prices-added.json), kept by hand: what vendors published later. Its sources:\n\n")
        for text in added_sources.values():
            f.write(f"- {text}\n")
        f.write("\nWho else has them (`weir price check --against` says so of any book):\n\n| model | second source |\n| --- | --- |\n")
        for vendor, model, verdict in seconds:
            f.write(f"| {vendor}/{model} | {verdict} |\n")
        f.write("\nThe figures are the vendors' public list prices; the books' licences are as above. llm-prices states no\n"
                "licence: it is only compared with, and nothing of it is in the book.\n\n## Rules no book holds for each model\n\n")
        for text, page in RULES:
            f.write(f"- {text}{f' (<{page}>)' if page else ''}\n")
        f.write("\n## Vendors\n\n| vendor | models |\n| --- | ---: |\n")
        for vendor, entries in book["vendors"].items():
            f.write(f"| {vendor} | {len(entries)} |\n")
        f.write("\n## How the books compared\n\n| case | times |\n| --- | ---: |\n")
        for what in sorted(SUMMARY.counts):
            f.write(f"| {what} | {SUMMARY.counts[what]} |\n")


# ---- comparing -------------------------------------------------------------------------------------------------------------


def compare_llm_prices(root, vendors):
    """Counts where llm-prices agrees with the newest row; takes nothing."""
    for path in sorted(glob.glob(f"{root}/llm-prices/data/*.json")):
        data = load_json(path)
        vendor = vendors.get({"amazon": "bedrock", "moonshot-ai": "moonshot", "qwen": "alibaba"}.get(data["vendor"], data["vendor"]))
        for model in data["models"]:
            known = vendor.find(model["id"]) if vendor else None
            if known is None:
                SUMMARY.add("names only llm-prices has")
                continue
            now = [h for h in model["price_history"] if h["to_date"] is None]
            pairs = {(base.get(INPUT), base.get(OUTPUT)) for _, base, _ in known.rows}
            good = now and (nano(now[0]["input"]), nano(now[0]["output"])) in pairs
            SUMMARY.add("agreements of llm-prices" if good else "differences from llm-prices",
                        None if good else f"{data['vendor']}/{model['id']}: {now and now[0]['input']}/{now and now[0]['output']} "
                        f"against {usd(known.rows[-1][1])}")


def compare_history(root, vendors):
    """Prices of earlier snapshots that no row of the book has: a change whose date is not known."""
    for path in sorted(glob.glob(f"{root}/litellm-mirror/*.json"))[:-1]:
        month = os.path.basename(path).removesuffix(".json")
        for listing in read_litellm(f"litellm {month}", path):
            known = vendors[listing.vendor].find(listing.name) if listing.vendor in vendors else None
            if known and not known.agrees(listing):
                SUMMARY.add("prices of an earlier month that no row has", f"{listing.vendor}/{listing.name} "
                            f"{month}: {usd(listing.base)} against {usd(known.rows[-1][1])}")


def second_sources(root, added, listings):
    """[(vendor, model, verdict)] of what is kept by hand: which book has the same newest price, which another, or none."""
    others = {}
    for listing in listings:
        for name in [listing.name, *listing.aliases]:
            others.setdefault((listing.vendor, plain_name(name)), []).append((listing.book, [base for _, base, _ in listing.rows]))
    for path in sorted(glob.glob(f"{root}/llm-prices/data/*.json")):
        data = load_json(path)
        for model in data["models"]:
            rows = [{INPUT: nano(h["input"]), OUTPUT: nano(h["output"])} for h in model["price_history"]]
            others.setdefault((data["vendor"], plain_name(model["id"])), []).append(("llm-prices", rows))
    out = []
    for listing in added:
        # a price that changes later is known to older books as it was
        ours = {(base.get(INPUT), base.get(OUTPUT)) for _, base, _ in listing.rows}
        same, differ = set(), set()
        for name in {plain_name(n) for n in [listing.name, *listing.aliases]}:
            for book, rows in others.get((listing.vendor, name), []):
                agrees = any((r.get(INPUT), r.get(OUTPUT)) in ours for r in rows)
                (same if agrees else differ).add(book)
        verdict = f"the same in {', '.join(sorted(same))}" if same else "no second source"
        if differ - same:
            verdict += f"; another price in {', '.join(sorted(differ - same))}"
        out.append((listing.vendor, listing.name, verdict))
    return sorted(out)


def read_sources(root):
    """[(book, repository, commit, date, licence)] out of SOURCE.txt"""
    repos = {"pydantic+genai-prices": "genai-prices", "langfuse+langfuse": "langfuse", "anomalyco+models.dev": "models.dev",
             "Wei-Shaw+model-price-repo": "litellm", "AgentOps-AI+tokencost": "tokencost"}
    for folder in (root, os.path.dirname(os.path.abspath(root))):
        path = os.path.join(folder, "SOURCE.txt")
        if os.path.exists(path):
            break
    out = {}
    with open(path, encoding="utf-8") as f:
        for line in f:
            part = re.match(r"(\S+)\t([0-9a-f]{40}) (\d{4}-\d\d-\d\d)\t(.*)", line.rstrip("\n"))
            if part and part[1] in repos:
                licence = re.split(r" \(", part[4])[0]
                out[repos[part[1]]] = (repos[part[1]], part[1].replace("+", "/"), part[2], part[3], licence)
    return [out[name] for name in repos.values()]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("books")
    parser.add_argument("--out", default="data")
    parser.add_argument("--added", default="data/prices-added.json")
    parser.add_argument("--quiet", action="store_true", help="counts only, no list of the cases")
    args = parser.parse_args()
    books = read_sources(args.books)
    sources = {name: f"{name} {day}" for name, _, _, day, _ in books}
    added, added_sources, added_date = read_added(args.added)
    genai = GenaiPrices(args.books)
    snapshots = sorted(glob.glob(f"{args.books}/litellm-mirror/*.json"))
    listings = [*added, *genai.listings, *read_langfuse(args.books), *read_models_dev(args.books),
                *read_litellm("litellm", snapshots[-1]),
                *read_litellm("tokencost", f"{args.books}/tokencost-litellm-2025-09/model_prices.json")]
    seconds = second_sources(args.books, added, listings[len(added):])
    vendors = {}
    for listing in listings:
        if (listing.vendor, listing.name.lower()) in UNMETERED or SEARCH_MODEL.search(listing.name):
            SUMMARY.add("models with a fee that no meter counts, left out")
            continue
        listing.aliases = [a for a in listing.aliases if not SEARCH_MODEL.search(a)]
        vendors.setdefault(listing.vendor, Vendor(listing.vendor, genai)).take(listing)
    drop_cancelled(vendors)
    sell_added(vendors, added)
    copy_models(vendors, "google", "vertex", "google")
    copy_models(vendors, "openai", "azure", "openai")
    sources.update(added_sources)
    sources["regional"] = "Anthropic's list price, a tenth dearer"
    sources.update({maker: f"{maker}'s list price" for maker in ("anthropic", "google", "openai")})
    follow_makers(vendors)
    apply_rules(vendors)
    compare_llm_prices(args.books, vendors)
    compare_history(args.books, vendors)
    date = max(added_date, *(day for _, _, _, day, _ in books))
    book = book_of(vendors, sources, date)
    os.makedirs(args.out, exist_ok=True)
    write_book(book, f"{args.out}/prices.json")
    write_page(book, added_sources, seconds, books, f"{args.out}/prices.md")
    if not args.quiet:
        print("\n".join(sorted(SUMMARY.notes)))
        print("\n".join(f"kept by hand: {vendor}/{model}: {verdict}" for vendor, model, verdict in seconds))
    for what in sorted(SUMMARY.counts):
        print(f"{SUMMARY.counts[what]:6}  {what}")
    print(f"{os.path.getsize(f'{args.out}/prices.json'):,} bytes in {args.out}/prices.json")


if __name__ == "__main__":
    sys.exit(main())
