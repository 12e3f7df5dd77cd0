------------------------------- MODULE Halves -------------------------------
(***************************************************************************)
(* Work is not atomic: it begins and ends, and in between the shared state *)
(* is half done.  A group can be killed from outside there.                *)
(*                                                                         *)
(* LinkerSync takes work as one step, Work, at its end.  Here it has a     *)
(* beginning, and the death of a group at work is two steps: the group is  *)
(* doomed, and, when its goroutine has taken back what it had begun and is *)
(* out, it crashes.  Until then it keeps lease and state lock.  So no      *)
(* group reads or changes the shared state while it is half done by        *)
(* another, and the steps are those of LinkerSync.                         *)
(***************************************************************************)
EXTENDS LinkerSync

VARIABLES
    half,       \* the group whose work in the shared state has begun and is not ended, or None
    doomed      \* TRUE: that group was killed from outside, and its goroutine is not out

halfVars == <<vars, half, doomed>>

HalfInit == Init /\ half = None /\ doomed = FALSE

\* g begins to work, in its own instances and in the shared state.
\* In Go: coord.Member.prepare
Begin(g) ==
    /\ Usable
    /\ stage[g] = "Locked"
    /\ mode[g] = "Running"
    /\ holder = g
    /\ half = None
    /\ half' = g
    /\ UNCHANGED <<vars, doomed>>

\* g has done its work, or has taken back what it had begun: there was nothing to do, or it failed.
\* In Go: coord.Coordinator.worked, coord.Member.prepare
End(g) ==
    /\ half = g
    /\ ~doomed
    /\ (\E o \in Kinds \X Tags : Work(g, o)) \/ UnlockState(g) \/ Cancel(g)
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

\* What others do meanwhile leaves the group alone that is at work, and its locks.
Others ==
    /\ Next
    /\ half # None =>
        mode'[half] = mode[half] /\ stage'[half] = stage[half] /\ holder' = holder
            /\ writer' = writer
    /\ \A g \in Groups : stage'[g] = "Worked" => stage[g] = "Worked"
    /\ UNCHANGED <<half, doomed>>

HalfNext ==
    \/ \E g \in Groups : Begin(g) \/ End(g) \/ Kill(g) \/ Out(g)
    \/ Others

HalfSpec == HalfInit /\ [][HalfNext]_halfVars

(***************************************************************************)
(* What holds                                                              *)
(***************************************************************************)

\* g reads or changes the shared state: under the state lock, or as a child that makes its
\* instances from the records, which its lease protects.
Touches(g) ==
    writer = g \/ g \in readers \/ (mode[g] = "Building" /\ stage[g] = "Leased")

\* A group at work has lease and state lock, alone, killed or not.
HalfIsHeld == half # None => (holder = half /\ writer = half /\ readers = {})

\* No group reads or changes the shared state while it is half done by another.
HalfIsHidden == half # None => (\A g \in Groups : (g # half => ~Touches(g)))

HalvesImplement == Spec

\* Work that was begun ends: its group links on, or is out.
WorkEnds == \A g \in Groups : ((half = g) ~> (half # g))

FairHalfSpec ==
    /\ HalfSpec
    /\ \A g \in Groups : WF_halfVars(half = g /\ ~doomed /\ End(g)) /\ WF_halfVars(Out(g))

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

EarlyDeathNext ==
    \/ HalfNext
    \/ Unguarded
    \/ \E g \in Groups : EarlyDeath(g)

EarlyDeathSpec == HalfInit /\ [][EarlyDeathNext]_halfVars
=============================================================================
