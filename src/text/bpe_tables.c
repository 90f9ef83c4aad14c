/* The encodings' tables, put into the program by the assembler: made in the build's folder by
 * tools/make-bpe.c of data/bpe/; the Makefile knows that they are needed here, and where they lie
 * (BPE_TABLES). */
#include "text/bpe_tables.h"

#define TABLE(name)                                                                                          \
	__asm__(".pushsection .rodata,\"a\",%progbits\n"                                                     \
	        "	.balign 64\n"                                                                              \
	        "	.globl weir_bpe_" #name "\n"                                                         \
	        "	.hidden weir_bpe_" #name "\n"                                                        \
	        "weir_bpe_" #name ":\n"                                                                      \
	        "	.incbin \"" BPE_TABLES "/" #name ".bpe\"\n"                                          \
	        "	.popsection\n")

TABLE(o200k_base);
TABLE(cl100k_base);
