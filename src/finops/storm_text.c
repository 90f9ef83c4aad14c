#include "finops/storm_text.h"

#include "model/storm.h"

/* Takes one piece of a sentence off the front of *in; after a number's blank a digit stands before it. */
static bool take_piece(slice *in, slice piece, bool number)
{
	ptrdiff_t at = slice_find(*in, piece);
	while (at >= 0 && number && (at == 0 || in->p[at - 1] < '0' || in->p[at - 1] > '9')) {
		slice rest = slice_sub(*in, (size_t)at + 1, in->n);
		ptrdiff_t next = slice_find(rest, piece);
		at = next < 0 ? -1 : at + 1 + next;
	}
	if (at >= 0)
		*in = slice_sub(*in, (size_t)at + piece.n, in->n);
	return at >= 0;
}

bool storm_is_told(slice explanation)
{
#define X(id, name, words) words,
	static const char *const all[] = {STORM_LIST(X)};
#undef X
	for (size_t i = STORM_NONE + 1; explanation.n && i < STORM_N; i++) {
		slice rest = slice_of(all[i]), piece, in = explanation;
		bool told = slice_split(&rest, '%', &piece) && take_piece(&in, piece, false);
		while (told &&
		       slice_split(&rest, '%', &piece)) /* each begins with its blank's letter: s, u */
			told = take_piece(&in, slice_sub(piece, 1, piece.n), piece.n && piece.p[0] == 'u');
		if (told)
			return true;
	}
	return false;
}
