-------------------------------- MODULE Lock --------------------------------
(* Processes that share one lock: the smallest specification with every kind *)
(* of verdict. The tests of the runner and of the embedded checker use it.   *)
EXTENDS Naturals, FiniteSets

CONSTANTS
    Procs,      \* the processes
    Off         \* names of guards that are switched off: a subset of {"free"}

VARIABLES
    pc,         \* process -> "idle" | "waiting" | "critical" | "done"
    rounds      \* process -> how often it has left the critical section

vars == <<pc, rounds>>

Limit == 2

Init ==
    /\ pc = [p \in Procs |-> "idle"]
    /\ rounds = [p \in Procs |-> 0]

Request(p) ==
    /\ pc[p] = "idle"
    /\ rounds[p] < Limit
    /\ pc' = [pc EXCEPT ![p] = "waiting"]
    /\ UNCHANGED rounds

Enter(p) ==
    /\ pc[p] = "waiting"
    /\ "free" \in Off \/ \A q \in Procs : pc[q] /= "critical"
    /\ pc' = [pc EXCEPT ![p] = "critical"]
    /\ UNCHANGED rounds

Leave(p) ==
    /\ pc[p] = "critical"
    /\ pc' = [pc EXCEPT ![p] = "idle"]
    /\ rounds' = [rounds EXCEPT ![p] = @ + 1]

Next ==
    \/ \E p \in Procs : Request(p)
    \/ \E p \in Procs : Enter(p)
    \/ \E p \in Procs : Leave(p)

Spec == Init /\ [][Next]_vars

FairSpec == Spec /\ WF_vars(Next)

-----------------------------------------------------------------------------

TypeOK ==
    /\ pc \in [Procs -> {"idle", "waiting", "critical", "done"}]
    /\ rounds \in [Procs -> 0..Limit]

MutualExclusion ==
    Cardinality({p \in Procs : pc[p] = "critical"}) <= 1

NobodyFinishes == \E p \in Procs : rounds[p] < Limit

EveryWaiterEnters == \A p \in Procs : (pc[p] = "waiting") ~> (pc[p] = "critical")

=============================================================================
