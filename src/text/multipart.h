/* multipart/form-data (RFC 7578), read where it lies. */
#ifndef WEIR_TEXT_MULTIPART_H
#define WEIR_TEXT_MULTIPART_H

#include "base/slice.h"

/* The boundary that a Content-Type names; p NULL when it is not multipart/form-data or names none (RFC 2046:
 * 1 to 70 characters). */
slice multipart_boundary(slice content_type);

/* The content of the first part whose field is called name; false when there is none, or the body is not
 * whole up to that part's end. */
bool multipart_part(slice body, slice boundary, slice name, slice *content);

#endif
