/* The protocol of holds, settlements and crashes, checked in every interleaving by spin.
 *
 * Two workers make calls that fall under two budgets; each counter is moved by compare-and-swap (atomic below is
 * one such step, or one store into the journal's memory). The process may be killed between any two steps: the
 * workers' memory is gone, the counters too, and the next start makes the counters of the ledger and the
 * journal. A provider runs up the cost of a call only within what the journal says is held.
 *
 *	safe:    ledger + what the providers have run up <= limit, always, of both budgets
 *	counted: with nothing under way, counter == ledger: no hold leaks, nothing is counted twice
 */
#define CALLS   2
#define LIMIT_A 5
#define LIMIT_B 4
#define HOLD    2 /* of a call at first; extended once by SLICE */
#define SLICE   1

mtype = { FREE, INTENT, LEFT, SETTLED };

byte a, b;           /* the counters: settled + held */
byte ledger;         /* rows written; every call falls under both budgets */
mtype slot[CALLS] = FREE;
byte held[CALLS];    /* the journal's: a crash books it */
byte cost[CALLS];    /* what the provider has run up */
byte booked[CALLS];  /* of a settled slot */
byte crashes;
byte alive = 1;      /* generation of the process: a worker of an older one is dead */
byte done;

#define SPENT (ledger + cost[0] + cost[1])

/* One call of one worker; g is the process it lives in. */
proctype worker(byte i; byte g)
{
	byte n, u;
	bool gotA = false, gotB = false;
	/* take: all or nothing, in the order of the settings */
	atomic { if :: alive != g -> goto dead :: else fi;
		if :: a + HOLD <= LIMIT_A -> a = a + HOLD; gotA = true :: else fi };
	if :: !gotA -> goto ended :: else fi;
	atomic { if :: alive != g -> goto dead :: else fi;
		if :: b + HOLD <= LIMIT_B -> b = b + HOLD; gotB = true :: else fi };
	if
	:: !gotB -> atomic { if :: alive != g -> goto dead :: else fi; a = a - HOLD }; goto ended
	:: else
	fi;
	n = HOLD;
	/* the intent is in the journal before the call leaves */
	atomic { if :: alive != g -> goto dead :: else fi; held[i] = n; slot[i] = INTENT };
	atomic { if :: alive != g -> goto dead :: else fi; slot[i] = LEFT };
	atomic { if :: alive != g -> goto dead :: else fi; cost[i] = 1 };
	/* extend: counters first, then the journal, then what it pays for may pass */
	gotA = false; gotB = false;
	atomic { if :: alive != g -> goto dead :: else fi;
		if :: a + SLICE <= LIMIT_A -> a = a + SLICE; gotA = true :: else fi };
	if
	:: gotA ->
		atomic { if :: alive != g -> goto dead :: else fi;
			if :: b + SLICE <= LIMIT_B -> b = b + SLICE; gotB = true :: else fi };
		if
		:: gotB ->
			n = n + SLICE;
			atomic { if :: alive != g -> goto dead :: else fi; held[i] = n };
		:: else ->
			atomic { if :: alive != g -> goto dead :: else fi; a = a - SLICE }
		fi
	:: else
	fi;
	/* the provider runs up any cost that the hold pays for */
	do
	:: atomic { alive == g && cost[i] < n -> cost[i] = cost[i] + 1 }
	:: break
	od;
	/* settle: the row is final in the journal first, then the cost takes the hold's place in the counters, in one
	 * step for each: the other way round, the room given back could be held by another call when a crash still
	 * books the hold of this one. Its cost is spent until the writer has it in the ledger. */
#ifdef WRONG_ORDER
	atomic { if :: alive != g -> goto dead :: else fi; a = a - n + cost[i] };
	atomic { if :: alive != g -> goto dead :: else fi; b = b - n + cost[i] };
	atomic { if :: alive != g -> goto dead :: else fi; booked[i] = cost[i]; slot[i] = SETTLED };
#else
	atomic { if :: alive != g -> goto dead :: else fi; u = cost[i]; booked[i] = u; slot[i] = SETTLED };
	atomic { if :: alive != g -> goto dead :: else fi; a = a - n + u };
	atomic { if :: alive != g -> goto dead :: else fi; b = b - n + u };
#endif
ended:
	atomic { if :: alive == g -> done = done + 1 :: else fi };
dead:
	skip
}

/* The ledger's writer: the row and its slot, each once. */
#define WRITE(i) atomic { slot[i] == SETTLED -> ledger = ledger + booked[i]; cost[i] = 0; booked[i] = 0; held[i] = 0; \
	slot[i] = FREE }

/* Killed at any moment, once; the next start settles what the journal has, then counts, then lets calls in. */
proctype machine()
{
	byte i;
	run worker(0, 1);
	run worker(1, 1);
	do
	:: WRITE(0)
	:: WRITE(1)
	:: atomic { crashes == 0 ->
		crashes = 1; alive = 2; done = 0;
		for (i : 0 .. CALLS - 1) {
			if
			:: slot[i] == INTENT -> slot[i] = FREE; held[i] = 0; cost[i] = 0
			:: slot[i] == LEFT -> booked[i] = held[i]; cost[i] = held[i]; slot[i] = SETTLED
			:: else
			fi
		}
		a = ledger + cost[0] + cost[1];
		b = a;
		/* rows of the crash are written before calls are let in: a slot is one call's */
		for (i : 0 .. CALLS - 1) {
			if
			:: slot[i] == SETTLED -> ledger = ledger + booked[i]; cost[i] = 0; booked[i] = 0; held[i] = 0; slot[i] = FREE
			:: else
			fi
		}
		run worker(0, 2);
		run worker(1, 2)
	   }
	:: done == CALLS && slot[0] == FREE && slot[1] == FREE ->
		/* nothing is under way in this process */
		assert(a == ledger && b == ledger);
		break
	od
}

init { run machine() }

ltl safe { [] (SPENT <= LIMIT_A && SPENT <= LIMIT_B && a <= LIMIT_A && b <= LIMIT_B) }
