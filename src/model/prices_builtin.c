/* The built-in price book: data/prices.json as it stands, put into the program by the assembler. */
#include "model/catalog_in.h"

/* Paths are relative to the repository's root, where make runs the compiler; the Makefile knows the
 * dependency. */
__asm__(".pushsection .rodata,\"a\",%progbits\n"
        "	.balign 16\n"
        "	.globl weir_prices_json\n"
        "	.hidden weir_prices_json\n"
        "weir_prices_json:\n"
        "	.incbin \"data/prices.json\"\n"
        "	.globl weir_prices_json_end\n"
        "	.hidden weir_prices_json_end\n"
        "weir_prices_json_end:\n"
        "	.byte 0\n"
        "	.popsection\n");

extern const char weir_prices_json[], weir_prices_json_end[];

slice catalog_builtin_text(void)
{
	return slice_make(weir_prices_json, (size_t)(weir_prices_json_end - weir_prices_json));
}
