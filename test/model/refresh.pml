/* The refresh of one session by two tabs of its owner and a thief, over a network that loses answers. The decision of each
   refresh is the table of refresh-table.ts; here is what that table leaves open: the statements of several requests interleave.

   THIEF        a thief copies the owner's token once, at any moment, and uses it as the owner does
   ONE_TAB      the owner has one tab
   ENDS         the owner signs out
   SECURES      the owner changes the password
   PROMPT       no request takes longer than the grace; a retry follows within the life of an access token; and a token that was
                just received is not exchanged while a request with the one before is under way, as access tokens live for
                minutes. Without it a request may take any time. (A token two generations old is reuse at any time, so an owner
                whose tabs do exchange twice within one request is signed out: spin shows it where this is left away.)
   Mutations, each of which spin must refute: TWO_STEPS, ROTATES_THE_DEAD, REUSE_ONLY_REFUSES, ANY_FORMER, NO_GRACE, NO_REPETITION,
   SECURED_AS_OTHERS. */
#include "refresh-table.pml"

#ifndef newest
#define newest 3
#endif
#define granted(o) (o == ROTATED || o == REPLAYED || o == RECOVERED)

/* The row. `used`: the current generation's access token was presented. */
byte generation = 1, valid = 1;
bool alive = true, inGrace = true, inRepeat = true, used = false, recovered = false;

/* The owner: both tabs read and write one stored token. */
byte stored = 1;
bool signedOut = false, loggedOut = false, lost = false, stolen = false;
byte inFlight = 0, oldest = 0;

/* How often a token of each generation was exchanged. */
byte successors[newest + 1];

/* The session's end, and its securing, were acknowledged. */
bool endAcknowledged = false;
byte securedAcknowledged = 0;

#ifdef PROMPT
#define SLOW false
#define mayEndGrace (inFlight == 0)
#define mayEndRepeat false
#define mayBegin (inFlight == 0 || oldest == stored)
#else
#define SLOW true
#define mayEndGrace true
#define mayEndRepeat (!inGrace)
#define mayBegin true
#endif

#define load(p) behind = generation - p; secured = (p < valid)

/* One request with the token of generation p, statement by statement as in src/domain/sessions/refresh.ts. */
inline refresh(p) {
  atomic { endedBefore = endAcknowledged; securedBefore = securedAcknowledged; mustEnd = false; answer = 0 }
again:
#ifdef TWO_STEPS
  atomic { load(p); found = rotate_finds }
  atomic {
    if
    :: found && generation < newest -> generation++; effect_rotated(); outcome = ROTATED; answer = generation; goto answered
    :: else
    fi
  }
#else
  atomic {
    load(p);
    if
#ifdef ROTATES_THE_DEAD
    :: behind == 0 ->
#else
    :: rotate_finds ->
#endif
      generation++; effect_rotated(); outcome = ROTATED; answer = generation; goto answered
    :: else
    fi
  }
#endif
examine:
  atomic {
    load(p);
    classify();
    examined = generation;
#ifdef SECURED_AS_OTHERS
    if :: alive && secured && behind == 1 && inGrace -> outcome = REPLAYED :: else fi;
#endif
#ifdef ANY_FORMER
    if :: alive && behind == 1 && outcome == REUSED -> outcome = REPLAYED :: else fi;
#endif
#ifdef NO_GRACE
    if :: outcome == REPLAYED -> outcome = REUSED :: else fi;
#endif
#ifdef NO_REPETITION
    if :: outcome == RECOVERED -> outcome = REUSED :: else fi;
#endif
    /* Said without the table: a token that the session has left behind for good. */
    mustEnd = alive && !(secured && inGrace) && (behind >= 2 || (behind == 1 && !inGrace && used));
    if :: granted(outcome) -> answer = examined :: else fi
  }
  if
  :: outcome == ROTATED -> goto again
  :: outcome == RECOVERED ->
    atomic {
      load(examined);
      if
      :: recover_finds -> effect_recovered()
      :: else -> goto examine
      fi
    }
#ifndef REUSE_ONLY_REFUSES
  :: outcome == REUSED -> atomic { if :: alive -> effect_reused() :: else -> outcome = REFUSED fi }
#endif
  :: else
  fi;
answered:
  atomic {
    if
    :: outcome == ROTATED && answer > 0 ->
      successors[p]++;
      /* At most one living successor: nobody exchanges a token that was exchanged before. */
      assert(successors[p] <= 1)
    :: else
    fi;
    /* Reuse ends the session, before it is refused. */
    assert(!mustEnd || (!granted(outcome) && !alive));
    /* What ended stays ended, and securing leaves nothing to former tokens. */
    assert(!(granted(outcome) && endedBefore));
    assert(!(granted(outcome) && p < securedBefore))
  }
}

proctype Tab() {
  byte mine, answer, outcome, examined, securedBefore;
  short behind;
  bool secured, found, endedBefore, mustEnd;
  do
  :: signedOut || loggedOut || stored == newest -> break
  :: atomic { !signedOut && !loggedOut && stored < newest && mayBegin -> mine = stored; oldest = mine; inFlight++ }
    refresh(mine);
    atomic {
      inFlight--;
      if
      /* The answer is lost, once for each token; the tab tries again. */
      :: !lost -> lost = true
      :: granted(outcome) -> if :: answer > stored -> stored = answer; lost = false :: else fi
      /* Another tab was given a newer token meanwhile. */
      :: !granted(outcome) && stored != mine
      :: !granted(outcome) && stored == mine ->
        signedOut = true;
        /* An owner who tries again after a lost answer is not signed out. */
        assert(stolen || loggedOut || SLOW)
      fi;
      mine = 0; answer = 0; outcome = 0; examined = 0; securedBefore = 0; behind = 0; secured = false; found = false; mustEnd = false; endedBefore = false
    }
  /* A request with the access token. */
  :: atomic { alive && stored == generation && !used -> used = true }
  od
}

#ifdef THIEF
proctype Thief() {
  byte mine, answer, outcome, examined, securedBefore;
  short behind;
  bool secured, found, endedBefore, mustEnd;
  atomic { mine = stored; stolen = true }
  do
  :: mine == 0 || mine == newest -> break
  :: mine != 0 && mine < newest ->
    refresh(mine);
    atomic {
      if
      :: granted(outcome) -> mine = answer
      :: !granted(outcome) -> mine = 0
      fi;
      answer = 0; outcome = 0; examined = 0; securedBefore = 0; behind = 0; secured = false; found = false; mustEnd = false; endedBefore = false
    }
  :: atomic { alive && mine == generation && !used -> used = true }
  od
}
#endif

proctype Clock() {
end:
  do
  :: atomic { inGrace && mayEndGrace -> inGrace = false }
  :: atomic { inRepeat && mayEndRepeat -> inRepeat = false }
  od
}

#ifdef ENDS
proctype SignOut() {
  atomic { alive = false; loggedOut = true }
  endAcknowledged = true
}
#endif

#ifdef SECURES
proctype Secure() {
  atomic {
    if
    :: alive && generation < newest - 1 ->
      generation++; valid = generation; used = false; recovered = false; inGrace = true; inRepeat = true;
      stored = generation; lost = false
    :: else -> goto over
    fi
  }
  securedAcknowledged = valid;
over:
  skip
}
#endif

init {
  atomic {
    run Tab(); run Clock();
#ifndef ONE_TAB
    run Tab();
#endif
#ifdef THIEF
    run Thief();
#endif
#ifdef ENDS
    run SignOut();
#endif
#ifdef SECURES
    run Secure();
#endif
  }
}
