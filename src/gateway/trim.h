/* Memory that only the start needed. */
#ifndef WEIR_GATEWAY_TRIM_H
#define WEIR_GATEWAY_TRIM_H

/* Gives the heap's free pages back to the system, and unmaps the code pages that the start ran through (they
 * come back from the page cache when they are wanted): a gateway that waits should not hold what it used
 * once. */
void trim_startup_memory(void);

#endif
