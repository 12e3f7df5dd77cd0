------------------------------- MODULE Linker -------------------------------
(***************************************************************************)
(* The dynamic linker as its users see it: one thing happens at a time.    *)
(*                                                                         *)
(* A group calls; a link operation takes effect in all groups at once; the *)
(* call returns.  There are no locks, no epochs and no mailboxes here.     *)
(* LinkerSync implements this, see LinkerRefinement.                       *)
(***************************************************************************)
EXTENDS Naturals, Sequences

CONSTANTS
    Groups,     \* the slots for instance groups
    Initial,    \* the groups that exist at the start
    Kinds,      \* the kinds of link operations
    Tags,       \* what tells two operations of one kind apart
    Batch       \* closure slots that one AllocateFunctionTable adds

VARIABLES
    members,    \* the groups that exist
    calling,    \* the groups (or children to be) whose call has not returned
    log,        \* the operations that took effect, since the log was last forgotten
    seen,       \* [Groups -> the operations that the group's tables and instances reflect]
    free,       \* closure slots that nobody has
    taken,      \* closure slots that were handed out
    broken      \* TRUE: the image is unusable for good

linkerVars == <<members, calling, log, seen, free, taken, broken>>

Operations == Kinds \X Tags

Init ==
    /\ members = Initial
    /\ calling = {}
    /\ log = <<>>
    /\ seen = [g \in Groups |-> <<>>]
    /\ free = 0
    /\ taken = 0
    /\ broken = FALSE

\* g calls the linker.
Call(g) ==
    /\ g \in members \ calling
    /\ calling' = calling \cup {g}
    /\ UNCHANGED <<members, log, seen, free, taken, broken>>

\* g's call returns without an effect: nothing to do, cancelled, failed.
Return(g) ==
    /\ g \in calling
    /\ calling' = calling \ {g}
    /\ UNCHANGED <<members, log, seen, free, taken, broken>>

\* g's operation o takes effect, in every group at once, and g's call returns.
Link(g, o) ==
    /\ g \in calling
    /\ \/ o[1] = "AllocateFunctionTable" /\ free = 0 /\ free' = Batch
       \/ o[1] # "AllocateFunctionTable" /\ (\A i \in 1..Len(log) : log[i] # o) /\ free' = free
    /\ log' = Append(log, o)
    /\ seen' = [h \in Groups |-> IF h \in members THEN log' ELSE <<>>]
    /\ calling' = calling \ {g}
    /\ UNCHANGED <<members, taken, broken>>

\* g takes a closure slot, or gives one back.
TakeClosure(g) ==
    /\ g \in calling
    /\ free > 0
    /\ free' = free - 1
    /\ taken' = taken + 1
    /\ UNCHANGED <<members, calling, log, seen, broken>>

GiveClosure(g) ==
    /\ g \in calling
    /\ taken > 0
    /\ free' = free + 1
    /\ taken' = taken - 1
    /\ UNCHANGED <<members, calling, log, seen, broken>>

\* g's call goes over to its child c, which returns from it when it joins.
Spawn(g, c) ==
    /\ g \in members \cap calling
    /\ c \notin members \cup calling
    /\ calling' = (calling \ {g}) \cup {c}
    /\ UNCHANGED <<members, log, seen, free, taken, broken>>

\* c becomes a group, and has everything at once.
Join(c) ==
    /\ c \in calling \ members
    /\ members' = members \cup {c}
    /\ seen' = [seen EXCEPT ![c] = log]
    /\ calling' = calling \ {c}
    /\ UNCHANGED <<log, free, taken, broken>>

\* g leaves or dies.  What it called may still take effect.
Leave(g) ==
    /\ g \in members
    /\ members' = members \ {g}
    /\ seen' = [seen EXCEPT ![g] = <<>>]
    /\ calling' \in {calling, calling \ {g}}
    /\ UNCHANGED <<log, free, taken, broken>>

Break ==
    /\ broken' = TRUE
    /\ UNCHANGED <<members, calling, log, seen, free, taken>>

\* The log is what the proof is about, not something that runs: it may start again.
Forget ==
    /\ log' = <<>>
    /\ seen' = [g \in Groups |-> <<>>]
    /\ UNCHANGED <<members, calling, free, taken, broken>>

Next ==
    /\ ~broken
    /\ \/ \E g \in Groups : Call(g)
       \/ \E g \in Groups : Return(g)
       \/ \E g \in Groups : \E o \in Operations : Link(g, o)
       \/ \E g \in Groups : TakeClosure(g)
       \/ \E g \in Groups : GiveClosure(g)
       \/ \E g \in Groups : \E c \in Groups : Spawn(g, c)
       \/ \E c \in Groups : Join(c)
       \/ \E g \in Groups : Leave(g)
       \/ Break
       \/ Forget

Spec == Init /\ [][Next]_linkerVars

\* All tables agree, always: this is what the users rely on.
AllAgree == \A g \in members : seen[g] = log

\* Every call ends.
CallsEnd == \A g \in Groups : ((g \in calling) ~> (g \notin calling \/ broken))
=============================================================================
