/* The tables that are built in: part of bpe. */
#ifndef WEIR_TEXT_BPE_TABLES_H
#define WEIR_TEXT_BPE_TABLES_H

#include <stdint.h>

/* Each a struct bpe_header and what follows it (bpe_table.h). */
extern const uint64_t weir_bpe_o200k_base[] __attribute__((visibility("hidden")));
extern const uint64_t weir_bpe_cl100k_base[] __attribute__((visibility("hidden")));

#endif
