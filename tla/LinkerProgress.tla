--------------------------- MODULE LinkerProgress ---------------------------
(***************************************************************************)
(* What is proved of LinkerSync in time, for any number of groups: that it *)
(* never stands still, and that every operation ends.  tla/proof asks z3;  *)
(* spec/proof.md has the argument.                                         *)
(***************************************************************************)
EXTENDS LinkerProof

(***************************************************************************)
(* No deadlock.  Whatever is under way, some action is possible that is    *)
(* obliged to happen (Fairness).                                           *)
(***************************************************************************)

\* A group has a request that is not done.
UnderWay == ~poisoned /\ (\E g \in Groups : stage[g] # "Idle")

(***************************************************************************)
(* Every operation ends.  While an operation lasts, some action is         *)
(* possible that brings it forward; such an action stays possible until    *)
(* something goes forward; and the operation can go forward only so often. *)
(***************************************************************************)

\* An operation is published and not over.
OperationUnderWay == ~poisoned /\ leader # None

\* The part of Fairness that ends it.
OperationFairness ==
    \A g \in Groups :
        /\ WF_vars(Arrive(g))
        /\ WF_vars(Claim(g))
        /\ WF_vars(Broadcast(g))
        /\ WF_vars(Apply(g) \/ FailApply(g))
        /\ WF_vars(Undo(g) \/ FailUndo(g))
        /\ WF_vars(Commit(g))
        /\ WF_vars(Rollback(g) \/ FailRollback(g))

\* How far a part is.  A part that has ended is as far as a part can be.
Rank(p) ==
    IF p = "Expected" THEN 0
    ELSE IF p = "Arrived" THEN 1
    ELSE IF p = "Applied" THEN 2
    ELSE IF p = "Failed" THEN 3
    ELSE IF p = "Undone" THEN 4
    ELSE 5

\* While an operation lasts no part goes back, and no group joins it.
NoPartGoesBack ==
    [][(leader # None /\ leader' = leader) =>
        (\A h \in Groups : (Rank(part'[h]) >= Rank(part[h])))]_part

\* While an operation lasts its leader goes from epoch 1 to epoch 2 and not back.
LeaderGoesOn ==
    [][(leader # None /\ leader' = leader) =>
        (stage'[leader] = stage[leader] \/ stage'[leader] = "Replaying")]_stage

\* An operation ends before another one begins.
OneByOne == [][(leader # None /\ leader' # leader) => (leader' = None)]_leader

\* A step that brings no operation forward, nor ends one, nor poisons the image.
NothingGoesForward ==
    /\ leader' = leader
    /\ stage'[leader] = stage[leader]
    /\ \A h \in Groups : part'[h] = part[h]
    /\ ~poisoned'

(***************************************************************************)
(* Every sleeper that wants to run again gets in, or waits at the door.    *)
(***************************************************************************)

\* g sleeps, and no goroutine waits at its door.
Sleeps(g) == Usable /\ mode[g] = "Parked"

\* Where the first is possible the second is, in every state, for the same group.
SleeperFairness ==
    \A g \in Groups :
        /\ WF_vars(Sleeps(g))
        /\ WF_vars(Unpark(g) \/ Wake(g))
=============================================================================
