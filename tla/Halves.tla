------------------------------- MODULE Halves -------------------------------
(***************************************************************************)
(* Work is not atomic: it begins and ends, and in between the shared state *)
(* is half done.  A group can be killed from outside there.                *)
(*                                                                         *)
(* LinkerSync takes work as one step, Work, at its end.  Here it has a     *)
(* beginning, and an end: the broadcast, or the moment at which it has     *)
(* been taken back.  The same is true of what a group does under the state *)
(* lock without the lease, to closures.  The death of a group at work is   *)
(* two steps: the group is doomed, and, when its goroutine has taken back  *)
(* what it had begun and is out, it crashes.  Until then it keeps lease    *)
(* and state lock.  So no group reads or changes the shared state while it *)
(* is half done by another, and the steps are those of LinkerSync.         *)
(***************************************************************************)
EXTENDS LinkerSync

VARIABLES
    half,       \* the group whose work in the shared state has begun and is not ended, or None
    doomed      \* TRUE: that group was killed from outside, and its goroutine is not out

halfVars == <<vars, half, doomed>>

HalfInit == Init /\ half = None /\ doomed = FALSE

\* g begins to work, in its own instances and in the shared state: with the lease, or without it.
\* In Go: coord.Member.prepare, coord.Member.holding
Begin(g) ==
    /\ Usable
    /\ stage[g] = "Locked"
    /\ mode[g] = "Running"
    /\ half = None
    /\ half' = g
    /\ UNCHANGED <<vars, doomed>>

\* g goes on: its own work is done, it publishes, it takes closures.  All of that can still be taken
\* back.
\* In Go: coord.Coordinator.worked, coord.Member.publish, coord.Member.holding
GoOn(g) ==
    /\ half = g
    /\ ~doomed
    /\ \/ \E o \in Kinds \X Tags : Work(g, o)
       \/ Publish(g)
       \/ AllocateClosure(g)
       \/ FreeClosure(g)
    /\ UNCHANGED <<half, doomed>>

\* g has broadcast its work, or has taken back what it had begun: there was nothing to do, or it
\* failed; or it is done with its closures.
\* In Go: coord.Member.broadcast, coord.Member.prepare, coord.Member.withdraw
End(g) ==
    /\ half = g
    /\ ~doomed
    /\ Broadcast(g) \/ UnlockState(g) \/ Cancel(g)
    /\ half' = None
    /\ doomed' = FALSE

\* g is killed from outside while its goroutine works.
\* In Go: coord.Member.Crash
Kill(g) ==
    /\ "Crash" \in Features
    /\ half = g
    /\ ~doomed
    /\ doomed' = TRUE
    /\ UNCHANGED <<vars, half>>

\* The goroutine of a group that was killed has taken its work back, and is out.
\* In Go: coord.Member.end
Out(g) ==
    /\ half = g
    /\ doomed
    /\ Crash(g)
    /\ half' = None
    /\ doomed' = FALSE

\* What others do meanwhile leaves the group alone that is at work, its operation and its locks; and
\* no group works, or has closures, that has not begun.
Others ==
    /\ Next
    /\ half # None =>
        /\ mode'[half] = mode[half] /\ stage'[half] = stage[half] /\ view'[half] = view[half]
        /\ (holder = half => holder' = holder) /\ writer' = writer /\ leader' = leader
    /\ \A g \in Groups : (stage'[g] = "Worked" => stage[g] = "Worked")
    /\ taken' = taken
    /\ UNCHANGED <<half, doomed>>

HalfNext ==
    \/ \E g \in Groups : Begin(g) \/ GoOn(g) \/ End(g) \/ Kill(g) \/ Out(g)
    \/ Others

HalfSpec == HalfInit /\ [][HalfNext]_halfVars

(***************************************************************************)
(* What holds                                                              *)
(***************************************************************************)

\* g reads or changes the shared state: under the state lock, or as a child that makes its
\* instances from the records, which its lease protects.
Touches(g) ==
    writer = g \/ g \in readers \/ (mode[g] = "Building" /\ stage[g] = "Leased")

\* A group at work has the state lock, alone, killed or not; and the lease, once it has work that
\* others will have to do.
HalfIsHeld ==
    half # None =>
        /\ writer = half /\ readers = {}
        /\ (stage[half] \in {"Worked", "Published"}) => (holder = half)

\* No group reads or changes the shared state while it is half done by another.  A child that is
\* built does not look at closures, which are all that is changed without the lease.
HalfIsHidden ==
    half # None =>
        (\A g \in Groups :
            ((g # half /\ (holder = half \/ mode[g] # "Building")) => ~Touches(g)))

\* What is not broadcast is the work of a group that is at work, and of no other.
HalfIsNamed == \A g \in Groups : ((stage[g] \in {"Worked", "Published"}) => (half = g))

HalvesImplement == Spec

\* Work that was begun ends: its group links on, or is out.
WorkEnds == \A g \in Groups : ((half = g) ~> (half # g))

FairHalfSpec ==
    /\ HalfSpec
    /\ \A g \in Groups :
        /\ WF_halfVars(half = g /\ ~doomed /\ stage[g] = "Locked" /\ End(g))
        /\ WF_halfVars(half = g /\ ~doomed /\ stage[g] # "Locked" /\ (GoOn(g) \/ End(g)))
        /\ WF_halfVars(Out(g))
        /\ WF_halfVars(Arrive(g) /\ Others)
        /\ WF_halfVars(Claim(g) /\ Others)

(***************************************************************************)
(* A mistake: the locks fall at the death, while the goroutine still works *)
(* and the shared state is half done.                                      *)
(***************************************************************************)
EarlyDeath(g) ==
    /\ half = g
    /\ ~doomed
    /\ Crash(g)
    /\ doomed' = TRUE
    /\ UNCHANGED half

\* No lock keeps the others away then.
Unguarded == doomed /\ Next /\ UNCHANGED <<half, doomed>>

Mistaken == HalfNext \/ Unguarded

\* In the middle of its work.
EarlyDeathNext == Mistaken \/ \E g \in Groups : (stage[g] = "Locked" /\ holder = g /\ EarlyDeath(g))

EarlyDeathSpec == HalfInit /\ [][EarlyDeathNext]_halfVars

\* Between its work and the broadcast.
LateDeathNext ==
    Mistaken \/ \E g \in Groups : (stage[g] \in {"Worked", "Published"} /\ EarlyDeath(g))

LateDeathSpec == HalfInit /\ [][LateDeathNext]_halfVars

\* Under the state lock alone.
StateDeathNext == Mistaken \/ \E g \in Groups : (stage[g] = "Locked" /\ holder # g /\ EarlyDeath(g))

StateDeathSpec == HalfInit /\ [][StateDeathNext]_halfVars
=============================================================================
