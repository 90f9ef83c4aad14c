/* Commands to copy: words quoted for a POSIX shell. */
#ifndef WEIR_FINOPS_SHELL_H
#define WEIR_FINOPS_SHELL_H

#include "base/buf.h"

/* A word, with a blank in front when something stands in out: plain when it is of letters, digits and
 * "@%+=:,./_-" alone, else in single quotes. ERR_INVALID: it is no UTF-8, or has control characters (a line
 * break, ESC) or marks that nobody sees, which nobody should paste; ERR_FULL, ERR_NOMEM. */
int shell_word(struct buf *out, slice word) WARN_UNUSED;

#endif
