/* A call within its session: which one it is of, whether that may go on, and what its input was made of. */
#ifndef WEIR_GATEWAY_CALL_SESSION_H
#define WEIR_GATEWAY_CALL_SESSION_H

#include "gateway/admit.h"

/* A stage of admission, after admit_body: fills the record's session, subagent, turn, attempt and retry_of,
 * and refuses the calls of a session that is paused or stopped. */
enum admit_next admit_session(struct exchange *ex);

/* The call has ended, its usage and cost are in the record: the record's parts, and the session's turn. */
void call_session_close(struct exchange *ex);

#endif
