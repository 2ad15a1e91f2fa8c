/* One instance caches a session that is ended: here (HERE) or at another instance. Its connection that listens carries
   notifications and heartbeats, and it uses what it cached while a heartbeat holds: src/database/change-feed.ts and
   src/domain/sessions/session-cache.ts. The clock runs between any two steps, so every message may be late by any time. The
   connection may be cut without an error at any moment, and be replaced later.

   Promises. Where the session was ended, no request is accepted after the acknowledgement. Elsewhere the cache accepts none later
   than `bound` after it, and no request is accepted that began after it and asked the database.
   `validity` and `bound` are ticks of 25 ms, from `validityMs` and from the 100 ms of docs/session-cache.md.
   Without HERE the acknowledgement comes with the commit, the earliest instant; so how long the other instance waits does not matter.
   Mutations, each of which spin must refute: NO_LEASE, LEASE_FROM_ANSWER, NO_WAIT, READ_NOT_VOIDED, RECONNECT_KEEPS,
   TOLD_AFTER_ANSWER (a pooler in between). */
mtype = { TOLD, ANSWER };

bool ended = false, acknowledged = false;
/* Ticks: since the acknowledgement; since the last heartbeat was sent; for which the last answered one holds; for which the
   request that ends the session waits. They stop where they make no difference any more. */
byte sinceAcknowledged = 0, sinceSent = validity, holds = 0, waits = 0;

bool cached = false;
/* The connection. `owed`: the server has a notification to send; `heartbeat`: one is unanswered; `processed`: by the server. */
bool cut = false, connected = true, owed = false, heartbeat = false, processed = false;
/* Whether a heartbeat that was sent after the commit was answered, and whether the one under way was. */
bool sentAfter = false, answeredAfter = false;
chan stream = [2] of { mtype };

#ifdef NO_LEASE
#define isCurrent connected
#else
#define isCurrent (connected && holds > 0)
#endif

/* Reads under way whose result may not be cached. */
bool voided[2];
inline voidAll() { cached = false; voided[0] = true; voided[1] = true }

/* Requests of the session, one after another; two of these processes make them meet. */
proctype Requests(bit mine) {
  bool found, late;
end:
  do
  :: atomic { isCurrent && cached ->
#ifdef HERE
      assert(!acknowledged)
#else
      assert(!acknowledged || sinceAcknowledged <= bound)
#endif
    }
  :: atomic { !(isCurrent && cached) -> voided[mine] = false; late = acknowledged }
    found = !ended;
    atomic {
      assert(!(found && late));
      if
      :: found && isCurrent && !voided[mine] -> cached = true
      :: else
      fi;
      found = false; late = false; voided[mine] = true
    }
  od
}

/* The connection that listens, at both of its ends. */
proctype Feed() {
  mtype message;
end:
  do
  :: atomic { connected && !heartbeat -> heartbeat = true; sinceSent = 0; sentAfter = ended }
  /* The server: a notification goes out at any time after the commit, but before the answer to the next statement. */
  :: atomic { !cut && owed -> owed = false; stream!TOLD }
  :: atomic { !cut && heartbeat && !processed ->
      processed = true;
#ifndef TOLD_AFTER_ANSWER
      if :: owed -> owed = false; stream!TOLD :: else fi;
#endif
      stream!ANSWER
    }
  /* The instance: what arrives. */
  :: atomic { !cut && nempty(stream) ->
      stream?message;
      if
      :: message == TOLD ->
        cached = false;
#ifndef READ_NOT_VOIDED
        voided[0] = true; voided[1] = true;
#endif
        skip
      :: message == ANSWER && connected ->
        heartbeat = false; processed = false; answeredAfter = sentAfter;
#ifdef LEASE_FROM_ANSWER
        holds = validity
#else
        holds = validity - sinceSent
#endif
      :: else
      fi;
      message = 0
    }
  :: atomic { !cut && connected -> cut = true }
  /* It is noticed, later. */
  :: atomic { cut && connected -> connected = false; holds = 0;
#ifndef RECONNECT_KEEPS
      voidAll();
#endif
      skip
    }
  /* Another one listens: from here on the server tells it. Caches begin anew once it is known to deliver. */
  :: atomic { cut && !connected ->
      cut = false; owed = false; heartbeat = false; processed = false;
      do :: nempty(stream) -> stream?message :: empty(stream) -> break od;
      message = 0
    }
  :: atomic { !cut && !connected ->
#ifndef RECONNECT_KEEPS
      voidAll();
#endif
      connected = true
    }
  od
}

/* The request that ends the session: commit, wait, acknowledge. */
proctype End() {
  atomic {
    ended = true; owed = true; answeredAfter = false;
#ifndef HERE
    acknowledged = true
#endif
  }
#ifdef HERE
  waits = validity - sinceSent;
#ifndef NO_WAIT
end:
  (!connected || waits == 0 || answeredAfter);
#endif
  acknowledged = true
#endif
}

proctype Clock() {
end:
  do
  :: atomic { true ->
      if :: acknowledged && sinceAcknowledged <= bound -> sinceAcknowledged++ :: else fi;
      if :: sinceSent < validity -> sinceSent++ :: else fi;
      if :: holds > 0 -> holds-- :: else fi;
      if :: waits > 0 -> waits-- :: else fi
    }
  od
}

init {
  atomic {
    voided[0] = true; voided[1] = true;
    run Clock(); run End(); run Feed(); run Requests(0);
#ifdef TWO_REQUESTS
    run Requests(1)
#endif
  }
}
