----------------------------- MODULE LinkerVars -----------------------------
(***************************************************************************)
(* The state of LinkerSync: its constants, its variables, the words that   *)
(* its actions and properties share, and the initial state.                *)
(***************************************************************************)
EXTENDS Naturals, Sequences, FiniteSets

CONSTANTS
    Groups,     \* the slots for instance groups; a slot is used again when its group is gone
    Initial,    \* the groups that exist at the start, a subset of Groups
    None,       \* no group
    Kinds,      \* the kinds of link operations: "LoadModules", "ResolveFunction", ...
    Tags,       \* what tells two operations of one kind apart (which module, which symbol)
    MaxLog,     \* the length of the log at which all groups forget it (Checkpoint)
    Batch,      \* closure slots that one AllocateFunctionTable adds
    MaxTable,   \* closure slots that may exist at most; 0: no closures
    Features,   \* which of "Park", "Cancel", "Crash", "Spawn", "Detach", "FailApply", "FailUndo"
                \* can happen
    Off         \* guards that are switched off; {} is the protocol

VARIABLES
    mode,       \* [Groups -> "Gone", "Building" (spawned, not attached), "Running", "Parked" (no
                \* goroutine is in it), "Waking" (parked, and a goroutine waits to get in)]
    stage,      \* [Groups -> how far the group's own request is: "Idle", "WaitLease", "Leased",
                \* "Built", "WaitState", "Locked", "Worked", "Published", "Replaying"]
    leaseQueue, \* the groups that wait for the lease, first come first
    holder,     \* the group that holds the lease, or None
    stateQueue, \* the groups that wait for the state lock, first come first
    writer,     \* the group that holds the state lock for writing, or None
    readers,    \* the groups that hold it for reading
    leader,     \* the group whose operation is published and not yet over, or None
    op,         \* the operation that is being worked on, <<kind, tag>>, or <<>>
    part,       \* [Groups -> the group's part in the leader's operation: "None", "Expected",
                \* "Arrived", "Applied", "Failed", "Undone"]
    mail,       \* [Groups -> mailbox: a sequence of operations]
    failed,     \* TRUE: a participant could not apply the operation
    view,       \* [Groups -> the operations that the group's instances and table reflect, since
                \* the last checkpoint]
    log,        \* the committed operations, since the last checkpoint
    table,      \* closure slots that exist in every table
    free,       \* closure slots that no module has
    taken,      \* closure slots that were handed out
    poisoned    \* TRUE: an undo failed; the image is unusable for good

vars == <<mode, stage, leaseQueue, holder, stateQueue, writer, readers, leader, op, part, mail,
          failed, view, log, table, free, taken, poisoned>>

\* What belongs together, for UNCHANGED.
groupVars == <<mode, stage>>
leaseVars == <<leaseQueue, holder>>
lockVars == <<stateQueue, writer, readers>>
operationVars == <<leader, op, part, mail, failed>>
imageVars == <<view, log>>
closureVars == <<table, free, taken>>

(***************************************************************************)
(* Words                                                                   *)
(***************************************************************************)

Range(q) == {q[i] : i \in 1..Len(q)}

Front(q) == SubSeq(q, 1, Len(q) - 1)

\* The queue q without g, which stands in it at most once.
Without(q, g) ==
    IF g \in Range(q)
    THEN LET i == CHOOSE j \in 1..Len(q) : q[j] = g
         IN SubSeq(q, 1, i - 1) \o SubSeq(q, i + 1, Len(q))
    ELSE q

Live == {g \in Groups : mode[g] \in {"Running", "Parked", "Waking"}}

\* No goroutine is in g: the leader of an operation acts for it.
Asleep(g) == mode[g] \in {"Parked", "Waking"}

\* Completing an operation admits the goroutines that wait to enter, before another is published.
LetIn == [h \in Groups |-> IF mode[h] = "Waking" THEN "Running" ELSE mode[h]]

Participants == {g \in Groups : part[g] # "None"}

\* g stands at the rendezvous: its goroutine can do nothing of its own until the operation is over.
AtRendezvous(g) == part[g] \notin {"None", "Expected"}

\* g executes guest code or host code of its own.
RunsGuest(g) == mode[g] = "Running" /\ stage[g] = "Idle" /\ ~AtRendezvous(g)

\* The operation is published and not yet broadcast: the flag that safepoints look at.
Pending == leader # None /\ writer = leader

\* What g did for its own operation is in its view, but not in the log.
Ahead(g) == stage[g] \in {"Worked", "Published", "Replaying"} \/ part[g] = "Applied"

\* The operation is not in the log yet.  Another allocation is necessary when no slot is free.
Fresh(o) ==
    IF o[1] = "AllocateFunctionTable"
    THEN free = 0 /\ table + Batch <= MaxTable
    ELSE o \notin Range(log)

\* Nothing happens in a poisoned image.
Usable == ~poisoned \/ "StickyPoison" \in Off

(***************************************************************************)
(* Types and the initial state                                             *)
(***************************************************************************)

TypeOK ==
    /\ mode \in [Groups -> {"Gone", "Building", "Running", "Parked", "Waking"}]
    /\ stage \in [Groups -> {"Idle", "WaitLease", "Leased", "Built", "WaitState", "Locked",
                             "Worked", "Published", "Replaying"}]
    /\ holder \in Groups \cup {None}
    /\ writer \in Groups \cup {None}
    /\ leader \in Groups \cup {None}
    /\ readers \subseteq Groups
    /\ part \in [Groups -> {"None", "Expected", "Arrived", "Applied", "Failed", "Undone"}]
    /\ failed \in {TRUE, FALSE}
    /\ poisoned \in {TRUE, FALSE}
    /\ Len(log) <= MaxLog
    /\ table \in 0..MaxTable
    /\ free \in 0..MaxTable
    /\ taken \in 0..MaxTable

Init ==
    /\ mode = [g \in Groups |-> IF g \in Initial THEN "Running" ELSE "Gone"]
    /\ stage = [g \in Groups |-> "Idle"]
    /\ leaseQueue = <<>>
    /\ holder = None
    /\ stateQueue = <<>>
    /\ writer = None
    /\ readers = {}
    /\ leader = None
    /\ op = <<>>
    /\ part = [g \in Groups |-> "None"]
    /\ mail = [g \in Groups |-> <<>>]
    /\ failed = FALSE
    /\ view = [g \in Groups |-> <<>>]
    /\ log = <<>>
    /\ table = 0
    /\ free = 0
    /\ taken = 0
    /\ poisoned = FALSE
=============================================================================
