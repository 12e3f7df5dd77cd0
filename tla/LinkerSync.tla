----------------------------- MODULE LinkerSync -----------------------------
(***************************************************************************)
(* The synchronisation of a dynamic linker for WebAssembly.                *)
(*                                                                         *)
(* A process image is run by several instance groups (threads).  Each has  *)
(* its own instance of every module and its own function table; a function *)
(* pointer is an index into that table and travels between groups through  *)
(* the shared memory, so every table must hold the same function at the    *)
(* same index.  A link operation is a change that all groups must agree on.*)
(*                                                                         *)
(*   lease       The topology lease: the right to change who exists or     *)
(*               what all must agree on.  First come, first served.        *)
(*   state lock  The reader/writer lock on the shared linker state, with   *)
(*               a queue of its own, also first come, first served.        *)
(*   epochs      A link operation stops the world twice: everybody arrives *)
(*               (epoch 1), the operation is broadcast and applied by each *)
(*               group, everybody has applied it (epoch 2), commit.        *)
(*                                                                         *)
(* The wait-for cycles that the protocol must avoid:                       *)
(*                                                                         *)
(*   1. A leader holds the state lock and waits at epoch 1 for a group     *)
(*      that waits for the state lock.  Hence whoever waits, for the lease *)
(*      or for the state lock, takes part meanwhile (Arrive), and whoever  *)
(*      sleeps is claimed (Claim).                                         *)
(*   2. One group holds the lease and waits for the state lock, another    *)
(*      holds the state lock and waits for the lease.  Hence the lock      *)
(*      order: lease, then state lock.                                     *)
(*   3. A leader waits for a group that is dead.  Hence Crash takes the    *)
(*      group out of everything in one step.                               *)
(*   4. A leader waits for a group that is neither awake nor asleep when   *)
(*      it is looked at.  Hence Claim looks at any time, and Unpark waits  *)
(*      until the operation is over.                                       *)
(*                                                                         *)
(* Every action is one critical section of the Go package linker/protocol, *)
(* under the same name.  Off switches guards off, one by one: each models  *)
(* a mistake that one could make, and each must be found (negative/).      *)
(* This text avoids what the embedded checker misreads; see                *)
(* spec/rationale.md.  To check it:  make tlc                              *)
(***************************************************************************)
EXTENDS Naturals, Sequences, FiniteSets

CONSTANTS
    Groups,     \* the slots for instance groups; a slot is used again when its group is gone
    Initial,    \* the groups that exist at the start, a subset of Groups
    None,       \* no group
    Kinds,      \* the kinds of link operations: "LoadModules", "ResolveFunction", ...
    Tags,       \* what tells two operations of one kind apart (which module, which symbol)
    MaxLog,     \* the length of the log at which everybody forgets it (Checkpoint)
    Batch,      \* closure slots that one AllocateFunctionTable adds
    MaxTable,   \* closure slots that may exist at most; 0: no closures
    Features,   \* which of "Park", "Cancel", "Crash", "Spawn", "Detach", "FailApply", "FailUndo" can happen
    Off         \* guards that are switched off; {} is the protocol

VARIABLES
    mode,       \* [Groups -> "Gone", "Building" (spawned, not attached), "Running", "Parked" (nobody is in it), "Waking" (somebody waits to get in)]
    stage,      \* [Groups -> how far the group's own request is: "Idle", "WaitLease", "Leased", "Built", "WaitState", "Locked", "Worked", "Published", "Replaying"]
    leaseQueue, \* the groups that wait for the lease, first come first
    holder,     \* the group that holds the lease, or None
    stateQueue, \* the groups that wait for the state lock, first come first
    writer,     \* the group that holds the state lock for writing, or None
    readers,    \* the groups that hold it for reading
    leader,     \* the group whose operation is published and not yet over, or None
    op,         \* the operation that is being worked on, <<kind, tag>>, or <<>>
    part,       \* [Groups -> the group's part in the leader's operation: "None", "Expected", "Arrived", "Applied", "Failed", "Undone"]
    mail,       \* [Groups -> mailbox: a sequence of operations]
    failed,     \* TRUE: a participant could not apply the operation
    view,       \* [Groups -> the operations that the group's instances and table reflect, since the last checkpoint]
    log,        \* the committed operations, since the last checkpoint
    table,      \* closure slots that exist in every table
    free,       \* closure slots that nobody has
    taken,      \* closure slots that were handed out
    poisoned    \* TRUE: an undo failed; the image is unusable for good

vars == <<mode, stage, leaseQueue, holder, stateQueue, writer, readers, leader, op, part, mail, failed, view, log, table, free, taken, poisoned>>

(***************************************************************************)
(* Helpers                                                                 *)
(***************************************************************************)

Range(q) == {q[i] : i \in 1..Len(q)}

Front(q) == SubSeq(q, 1, Len(q) - 1)

\* The queue q without g, which stands in it at most once.
Without(q, g) == IF g \in Range(q) THEN LET i == CHOOSE j \in 1..Len(q) : q[j] = g IN SubSeq(q, 1, i - 1) \o SubSeq(q, i + 1, Len(q)) ELSE q

Live == {g \in Groups : mode[g] \in {"Running", "Parked", "Waking"}}

\* Nobody is in g: the leader of an operation acts for it.
Asleep(g) == mode[g] \in {"Parked", "Waking"}

\* The end of an operation lets in who waited for it, before anybody can publish the next.
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

\* The operation is not in the log yet.  An empty free list is what makes another allocation necessary.
Fresh(o) == IF o[1] = "AllocateFunctionTable" THEN free = 0 /\ table + Batch <= MaxTable ELSE o \notin Range(log)

\* Nothing happens in a poisoned image.
Usable == ~poisoned \/ "StickyPoison" \in Off

TypeOK ==
    /\ mode \in [Groups -> {"Gone", "Building", "Running", "Parked", "Waking"}]
    /\ stage \in [Groups -> {"Idle", "WaitLease", "Leased", "Built", "WaitState", "Locked", "Worked", "Published", "Replaying"}]
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

(***************************************************************************)
(* The topology lease                                                      *)
(***************************************************************************)

\* g joins the lease's queue.
RequestLease(g) ==
    /\ Usable
    /\ mode[g] = "Running"
    /\ stage[g] = "Idle" \/ ("LockOrder" \in Off /\ stage[g] = "Locked" /\ holder # g)
    /\ ~AtRendezvous(g)
    /\ leaseQueue' = Append(leaseQueue, g)
    /\ stage' = [stage EXCEPT ![g] = "WaitLease"]
    /\ UNCHANGED <<mode, holder, stateQueue, writer, readers, leader, op, part, mail, failed, view, log, table, free, taken, poisoned>>

\* The lease is free and g is at the head: a token exists, and g has it.
GrantLease(g) ==
    /\ Usable
    /\ stage[g] = "WaitLease"
    /\ holder = None
    /\ Head(leaseQueue) = g \/ "FirstCome" \in Off
    /\ holder' = g
    /\ leaseQueue' = Without(leaseQueue, g)
    /\ stage' = [stage EXCEPT ![g] = "Leased"]
    /\ UNCHANGED <<mode, stateQueue, writer, readers, leader, op, part, mail, failed, view, log, table, free, taken, poisoned>>

(***************************************************************************)
(* The state lock                                                          *)
(***************************************************************************)

\* g joins the state lock's queue: with the lease to link, without it for
\* closures and to leave, and as a child that is about to attach.
RequestState(g) ==
    /\ Usable
    /\ \/ stage[g] = "Idle" /\ mode[g] = "Running" /\ ~AtRendezvous(g)
       \/ stage[g] = "Leased" /\ mode[g] = "Running"
       \/ stage[g] = "Built"
    /\ stateQueue' = Append(stateQueue, g)
    /\ stage' = [stage EXCEPT ![g] = "WaitState"]
    /\ UNCHANGED <<mode, leaseQueue, holder, writer, readers, leader, op, part, mail, failed, view, log, table, free, taken, poisoned>>

\* No writer, no reader, and g at the head: g is the writer.
LockState(g) ==
    /\ Usable
    /\ stage[g] = "WaitState"
    /\ writer = None
    /\ readers = {}
    /\ Head(stateQueue) = g \/ "FirstCome" \in Off
    /\ writer' = g
    /\ stateQueue' = Without(stateQueue, g)
    /\ stage' = [stage EXCEPT ![g] = "Locked"]
    /\ UNCHANGED <<mode, leaseQueue, holder, readers, leader, op, part, mail, failed, view, log, table, free, taken, poisoned>>

\* g lets go of the state lock, and of the lease if it has it: somebody else
\* had done the work already (second look-up), or it was only about closures.
UnlockState(g) ==
    /\ Usable
    /\ stage[g] = "Locked"
    /\ mode[g] = "Running"
    /\ writer' = None
    /\ holder' = (IF holder = g THEN None ELSE holder)
    /\ stage' = [stage EXCEPT ![g] = "Idle"]
    /\ UNCHANGED <<mode, leaseQueue, stateQueue, readers, leader, op, part, mail, failed, view, log, table, free, taken, poisoned>>

\* A closure slot is handed out, under the state lock alone.
AllocateClosure(g) ==
    /\ Usable
    /\ stage[g] = "Locked"
    /\ mode[g] = "Running"
    /\ free > 0
    /\ free' = free - 1
    /\ taken' = taken + 1
    /\ UNCHANGED <<mode, stage, leaseQueue, holder, stateQueue, writer, readers, leader, op, part, mail, failed, view, log, table, poisoned>>

\* A closure slot comes back.
FreeClosure(g) ==
    /\ Usable
    /\ stage[g] = "Locked"
    /\ mode[g] = "Running"
    /\ taken > 0
    /\ free' = free + 1
    /\ taken' = taken - 1
    /\ UNCHANGED <<mode, stage, leaseQueue, holder, stateQueue, writer, readers, leader, op, part, mail, failed, view, log, table, poisoned>>

(***************************************************************************)
(* A link operation                                                        *)
(***************************************************************************)

\* g has done operation o in its own instances and in the shared state.
Work(g, o) ==
    /\ Usable
    /\ stage[g] = "Locked"
    /\ mode[g] = "Running"
    /\ holder = g \/ "PublishLease" \in Off
    /\ Fresh(o) \/ "SecondLookup" \in Off
    /\ Len(log) < MaxLog
    /\ op' = o
    /\ view' = [view EXCEPT ![g] = Append(view[g], o)]
    /\ stage' = [stage EXCEPT ![g] = "Worked"]
    /\ UNCHANGED <<mode, leaseQueue, holder, stateQueue, writer, readers, leader, part, mail, failed, log, table, free, taken, poisoned>>

\* The participants are fixed: every live group but g.  Epoch 1 opens.
Publish(g) ==
    /\ Usable
    /\ stage[g] = "Worked"
    /\ leader' = g
    /\ part' = [h \in Groups |-> IF h \in Live \ {g} THEN (IF "LateClaim" \in Off /\ Asleep(h) THEN "Arrived" ELSE "Expected") ELSE "None"]
    /\ stage' = [stage EXCEPT ![g] = "Published"]
    /\ UNCHANGED <<mode, leaseQueue, holder, stateQueue, writer, readers, op, mail, failed, view, log, table, free, taken, poisoned>>

\* h reaches a safepoint, or waits for the lease or the state lock: it takes part.
Arrive(h) ==
    /\ Usable
    /\ Pending
    /\ part[h] = "Expected"
    /\ mode[h] = "Running"
    /\ stage[h] \in {"Idle", "WaitLease", "WaitState"}
    /\ "Cooperate" \notin Off \/ stage[h] # "WaitState"
    /\ part' = [part EXCEPT ![h] = "Arrived"]
    /\ UNCHANGED <<mode, stage, leaseQueue, holder, stateQueue, writer, readers, leader, op, mail, failed, view, log, table, free, taken, poisoned>>

\* h sleeps: the leader acts for it.
Claim(h) ==
    /\ Usable
    /\ Pending
    /\ part[h] = "Expected"
    /\ Asleep(h)
    /\ "LateClaim" \notin Off
    /\ part' = [part EXCEPT ![h] = "Arrived"]
    /\ UNCHANGED <<mode, stage, leaseQueue, holder, stateQueue, writer, readers, leader, op, mail, failed, view, log, table, free, taken, poisoned>>

\* Epoch 1 is complete.  The operation goes to every mailbox, and the write
\* lock becomes a read lock of all in the same step.
Broadcast(g) ==
    /\ Usable
    /\ stage[g] = "Published"
    /\ \A h \in Participants : part[h] = "Arrived"
    /\ mail' = [h \in Groups |-> IF h \in Participants THEN Append(mail[h], op) ELSE mail[h]]
    /\ writer' = None
    /\ readers' = (IF "Downgrade" \in Off THEN {} ELSE Participants \cup {g})
    /\ holder' = (IF "LeaseUntilCommit" \in Off THEN None ELSE holder)
    /\ stage' = [stage EXCEPT ![g] = "Replaying"]
    /\ UNCHANGED <<mode, leaseQueue, stateQueue, leader, op, part, failed, view, log, table, free, taken, poisoned>>

\* h (or the leader for h) replays the operation, then waits at epoch 2.
Apply(h) ==
    /\ Usable
    /\ mail[h] # <<>>
    /\ view' = [view EXCEPT ![h] = Append(view[h], Head(mail[h]))]
    /\ mail' = [mail EXCEPT ![h] = Tail(mail[h])]
    /\ part' = [part EXCEPT ![h] = IF "GoOnTogether" \in Off THEN "None" ELSE "Applied"]
    /\ readers' = (IF "GoOnTogether" \in Off THEN readers \ {h} ELSE readers)
    /\ UNCHANGED <<mode, stage, leaseQueue, holder, stateQueue, writer, leader, op, failed, log, table, free, taken, poisoned>>

\* Everybody has applied: the operation becomes visible.  This is its linearization point.
Commit(g) ==
    /\ Usable
    /\ stage[g] = "Replaying"
    /\ ~failed
    /\ "SecondEpoch" \in Off \/ \A h \in Participants : part[h] = "Applied"
    /\ log' = Append(log, op)
    /\ table' = (IF op[1] = "AllocateFunctionTable" THEN table + Batch ELSE table)
    /\ free' = (IF op[1] = "AllocateFunctionTable" THEN free + Batch ELSE free)
    /\ leader' = None
    /\ op' = <<>>
    /\ part' = [h \in Groups |-> "None"]
    /\ readers' = {}
    /\ holder' = (IF holder = g THEN None ELSE holder)
    /\ mode' = LetIn
    /\ stage' = [stage EXCEPT ![g] = "Idle"]
    /\ UNCHANGED <<leaseQueue, stateQueue, writer, mail, failed, view, taken, poisoned>>

(***************************************************************************)
(* A replay that fails                                                     *)
(***************************************************************************)

\* h cannot apply the operation, and has undone whatever it had begun.
FailApply(h) ==
    /\ Usable
    /\ "FailApply" \in Features
    /\ mail[h] # <<>>
    /\ mail' = [mail EXCEPT ![h] = Tail(mail[h])]
    /\ part' = [part EXCEPT ![h] = "Failed"]
    /\ failed' = TRUE
    /\ UNCHANGED <<mode, stage, leaseQueue, holder, stateQueue, writer, readers, leader, op, view, log, table, free, taken, poisoned>>

\* Everybody has tried, somebody failed: h takes the operation back.
Undo(h) ==
    /\ Usable
    /\ failed
    /\ part[h] = "Applied"
    /\ \A k \in Participants : part[k] # "Arrived"
    /\ view' = [view EXCEPT ![h] = Front(view[h])]
    /\ part' = [part EXCEPT ![h] = "Undone"]
    /\ UNCHANGED <<mode, stage, leaseQueue, holder, stateQueue, writer, readers, leader, op, mail, failed, log, table, free, taken, poisoned>>

\* h cannot take it back: the tables differ now, and nobody can mend that.
FailUndo(h) ==
    /\ Usable
    /\ "FailUndo" \in Features
    /\ failed
    /\ part[h] = "Applied"
    /\ \A k \in Participants : part[k] # "Arrived"
    /\ poisoned' = TRUE
    /\ UNCHANGED <<mode, stage, leaseQueue, holder, stateQueue, writer, readers, leader, op, part, mail, failed, view, log, table, free, taken>>

\* Everybody has failed or undone: the leader undoes its own work; all is as before.
Rollback(g) ==
    /\ Usable
    /\ stage[g] = "Replaying"
    /\ failed
    /\ \A h \in Participants : part[h] \in {"Failed", "Undone"}
    /\ view' = (IF mode[g] = "Gone" THEN view ELSE [view EXCEPT ![g] = Front(view[g])])
    /\ failed' = FALSE
    /\ leader' = None
    /\ op' = <<>>
    /\ part' = [h \in Groups |-> "None"]
    /\ readers' = {}
    /\ holder' = (IF holder = g THEN None ELSE holder)
    /\ mode' = LetIn
    /\ stage' = [stage EXCEPT ![g] = "Idle"]
    /\ UNCHANGED <<leaseQueue, stateQueue, writer, mail, log, table, free, taken, poisoned>>

\* The leader cannot take its own work back.
FailRollback(g) ==
    /\ Usable
    /\ "FailUndo" \in Features
    /\ stage[g] = "Replaying"
    /\ failed
    /\ mode[g] = "Running"
    /\ \A h \in Participants : part[h] \in {"Failed", "Undone"}
    /\ poisoned' = TRUE
    /\ UNCHANGED <<mode, stage, leaseQueue, holder, stateQueue, writer, readers, leader, op, part, mail, failed, view, log, table, free, taken>>

(***************************************************************************)
(* Who exists                                                              *)
(***************************************************************************)

\* p hands its token over to the child c, which is nobody's participant yet.
Spawn(p, c) ==
    /\ Usable
    /\ "Spawn" \in Features
    /\ stage[p] = "Leased"
    /\ mode[p] = "Running"
    /\ mode[c] = "Gone"
    /\ stage[c] = "Idle"
    /\ holder' = (IF "AttachLease" \in Off THEN None ELSE c)
    /\ mode' = [mode EXCEPT ![c] = "Building"]
    /\ stage' = [stage EXCEPT ![p] = "Idle", ![c] = "Leased"]
    /\ UNCHANGED <<leaseQueue, stateQueue, writer, readers, leader, op, part, mail, failed, view, log, table, free, taken, poisoned>>

\* The child makes its instances from the records, which cannot change while it has the lease.
Build(c) ==
    /\ Usable
    /\ stage[c] = "Leased"
    /\ mode[c] = "Building"
    /\ view' = [view EXCEPT ![c] = log]
    /\ stage' = [stage EXCEPT ![c] = "Built"]
    /\ UNCHANGED <<mode, leaseQueue, holder, stateQueue, writer, readers, leader, op, part, mail, failed, log, table, free, taken, poisoned>>

\* The child is one of the groups from now on.
Attach(c) ==
    /\ Usable
    /\ stage[c] = "Locked"
    /\ mode[c] = "Building"
    /\ mode' = [mode EXCEPT ![c] = "Running"]
    /\ writer' = None
    /\ holder' = (IF holder = c THEN None ELSE holder)
    /\ stage' = [stage EXCEPT ![c] = "Idle"]
    /\ UNCHANGED <<leaseQueue, stateQueue, readers, leader, op, part, mail, failed, view, log, table, free, taken, poisoned>>

\* g leaves, through the state lock: whatever is pending, it took part in.
Detach(g) ==
    /\ Usable
    /\ "Detach" \in Features
    /\ mode[g] = "Running"
    /\ \/ stage[g] = "Locked" /\ holder # g
       \/ stage[g] = "Idle" /\ ~AtRendezvous(g) /\ "LeaveTakesPart" \in Off
    /\ mode' = [mode EXCEPT ![g] = "Gone"]
    /\ writer' = (IF writer = g THEN None ELSE writer)
    /\ view' = [view EXCEPT ![g] = <<>>]
    /\ stage' = [stage EXCEPT ![g] = "Idle"]
    /\ UNCHANGED <<leaseQueue, holder, stateQueue, readers, leader, op, part, mail, failed, log, table, free, taken, poisoned>>

(***************************************************************************)
(* Sleeping                                                                *)
(***************************************************************************)

\* Nobody is in g any more, or it blocks in a host call that does not touch the linker.
Park(g) ==
    /\ Usable
    /\ "Park" \in Features
    /\ RunsGuest(g)
    /\ mode' = [mode EXCEPT ![g] = "Parked"]
    /\ UNCHANGED <<stage, leaseQueue, holder, stateQueue, writer, readers, leader, op, part, mail, failed, view, log, table, free, taken, poisoned>>

\* Somebody goes into g, but not in the middle of an operation that counts on it.
Unpark(g) ==
    /\ Usable
    /\ mode[g] = "Parked"
    /\ part[g] = "None" \/ "UnparkGuard" \in Off
    /\ mode' = [mode EXCEPT ![g] = "Running"]
    /\ UNCHANGED <<stage, leaseQueue, holder, stateQueue, writer, readers, leader, op, part, mail, failed, view, log, table, free, taken, poisoned>>

\* In the middle of such an operation, whoever wants to go into g waits for its end, which lets it in.
Wake(g) ==
    /\ Usable
    /\ mode[g] = "Parked"
    /\ part[g] # "None"
    /\ "Wake" \notin Off
    /\ mode' = [mode EXCEPT ![g] = "Waking"]
    /\ UNCHANGED <<stage, leaseQueue, holder, stateQueue, writer, readers, leader, op, part, mail, failed, view, log, table, free, taken, poisoned>>

\* Whoever wanted to go into g wants that no more.
CancelWake(g) ==
    /\ Usable
    /\ "Cancel" \in Features
    /\ mode[g] = "Waking"
    /\ mode' = [mode EXCEPT ![g] = "Parked"]
    /\ UNCHANGED <<stage, leaseQueue, holder, stateQueue, writer, readers, leader, op, part, mail, failed, view, log, table, free, taken, poisoned>>

(***************************************************************************)
(* Giving up                                                               *)
(***************************************************************************)

\* g's request is cancelled, at any time before the broadcast: it leaves no
\* trace.  A child that cannot be built ends the same way.
Cancel(g) ==
    /\ Usable
    /\ "Cancel" \in Features
    /\ stage[g] \in {"WaitLease", "Leased", "Built", "WaitState", "Locked", "Worked", "Published"}
    /\ ~AtRendezvous(g)
    /\ mode' = [(IF leader = g THEN LetIn ELSE mode) EXCEPT ![g] = IF mode[g] = "Building" THEN "Gone" ELSE mode[g]]
    /\ stage' = [stage EXCEPT ![g] = "Idle"]
    /\ leaseQueue' = Without(leaseQueue, g)
    /\ stateQueue' = Without(stateQueue, g)
    /\ holder' = (IF holder = g THEN None ELSE holder)
    /\ writer' = (IF writer = g THEN None ELSE writer)
    /\ leader' = (IF leader = g THEN None ELSE leader)
    /\ op' = (IF stage[g] \in {"Worked", "Published"} THEN <<>> ELSE op)
    /\ part' = (IF leader = g THEN [h \in Groups |-> "None"] ELSE part)
    /\ view' = [view EXCEPT ![g] = IF mode[g] = "Building" THEN <<>> ELSE IF Ahead(g) /\ "CancelUndoes" \notin Off THEN Front(view[g]) ELSE view[g]]
    /\ UNCHANGED <<readers, mail, failed, log, table, free, taken, poisoned>>

\* g dies where it stands: nobody waits for it.  A leader that dies after the
\* broadcast has promised: its goroutine still finishes the operation.
Crash(g) ==
    /\ Usable
    /\ "Crash" \in Features
    /\ mode[g] # "Gone"
    /\ mode' = [(IF stage[g] = "Published" THEN LetIn ELSE mode) EXCEPT ![g] = "Gone"]
    /\ stage' = [stage EXCEPT ![g] = IF stage[g] = "Replaying" THEN "Replaying" ELSE "Idle"]
    /\ leaseQueue' = Without(leaseQueue, g)
    /\ stateQueue' = Without(stateQueue, g)
    /\ holder' = (IF holder = g /\ stage[g] # "Replaying" THEN None ELSE holder)
    /\ writer' = (IF writer = g THEN None ELSE writer)
    /\ readers' = (IF stage[g] = "Replaying" THEN readers ELSE readers \ {g})
    /\ leader' = (IF stage[g] = "Published" THEN None ELSE leader)
    /\ op' = (IF stage[g] \in {"Worked", "Published"} THEN <<>> ELSE op)
    /\ part' = (IF stage[g] = "Published" THEN [h \in Groups |-> "None"] ELSE IF "CrashEndsPart" \in Off THEN part ELSE [part EXCEPT ![g] = "None"])
    /\ mail' = [mail EXCEPT ![g] = <<>>]
    /\ view' = [view EXCEPT ![g] = <<>>]
    /\ UNCHANGED <<failed, log, table, free, taken, poisoned>>

(***************************************************************************)
(* The log is what the proof is about, not something that runs: once it is *)
(* full and everybody has all of it, it becomes the new base image.        *)
(***************************************************************************)
Checkpoint ==
    /\ Usable
    /\ Len(log) = MaxLog
    /\ \A g \in Groups : ~Ahead(g)
    /\ log' = <<>>
    /\ view' = [g \in Groups |-> <<>>]
    /\ UNCHANGED <<mode, stage, leaseQueue, holder, stateQueue, writer, readers, leader, op, part, mail, failed, table, free, taken, poisoned>>

\* Nobody is left, or the image is poisoned: this is an end, not a deadlock.
Terminated ==
    /\ poisoned \/ \A g \in Groups : mode[g] = "Gone" /\ stage[g] = "Idle"
    /\ UNCHANGED vars

Step ==
    \/ \E g \in Groups : RequestLease(g)
    \/ \E g \in Groups : GrantLease(g)
    \/ \E g \in Groups : RequestState(g)
    \/ \E g \in Groups : LockState(g)
    \/ \E g \in Groups : UnlockState(g)
    \/ \E g \in Groups : AllocateClosure(g)
    \/ \E g \in Groups : FreeClosure(g)
    \/ \E g \in Groups : \E o \in Kinds \X Tags : Work(g, o)
    \/ \E g \in Groups : Publish(g)
    \/ \E h \in Groups : Arrive(h)
    \/ \E h \in Groups : Claim(h)
    \/ \E g \in Groups : Broadcast(g)
    \/ \E h \in Groups : Apply(h)
    \/ \E g \in Groups : Commit(g)
    \/ \E h \in Groups : FailApply(h)
    \/ \E h \in Groups : Undo(h)
    \/ \E h \in Groups : FailUndo(h)
    \/ \E g \in Groups : Rollback(g)
    \/ \E g \in Groups : FailRollback(g)
    \/ \E p \in Groups : \E c \in Groups : Spawn(p, c)
    \/ \E c \in Groups : Build(c)
    \/ \E c \in Groups : Attach(c)
    \/ \E g \in Groups : Detach(g)
    \/ \E g \in Groups : Park(g)
    \/ \E g \in Groups : Unpark(g)
    \/ \E g \in Groups : Wake(g)
    \/ \E g \in Groups : CancelWake(g)
    \/ \E g \in Groups : Cancel(g)
    \/ \E g \in Groups : Crash(g)
    \/ Checkpoint

Next == Step \/ Terminated

Spec == Init /\ [][Next]_vars

(***************************************************************************)
(* Invariants.  spec/invariants.md has a number and a sentence for each.   *)
(***************************************************************************)

\* Whoever is in a stage that needs the lease has it; and a token that exists is in somebody's hands.
LeaseIsHeld == \A g \in Groups : (stage[g] \in {"Leased", "Built", "Published", "Replaying"}) => (holder = g)
TokenIsInUse == (holder # None) => (stage[holder] \in {"Leased", "Built", "WaitState", "Locked", "Worked", "Published", "Replaying"})

\* Whoever is in a stage that needs the state lock is the writer; a lock that is held is in use.
StateIsHeld == \A g \in Groups : (stage[g] \in {"Locked", "Worked", "Published"}) => (writer = g)
StateIsInUse == (writer # None) => (stage[writer] \in {"Locked", "Worked", "Published"})

\* A writer is alone.
WriterIsAlone == (writer # None) => (readers = {})

\* While an operation is replayed, the leader and all participants hold the state lock for reading, and nobody else does.
ReplayIsLocked == (leader # None /\ ~Pending) => (readers = Participants \cup {leader})
ReadersReplay == (readers # {}) => (leader # None)

\* Only a holder of the lease and of the state lock publishes.
PublishHoldsBoth == Pending => (holder = leader /\ stage[leader] = "Published")

\* The participants are exactly the live groups but the leader.
ParticipantsAreLive == Participants = (IF leader = None THEN {} ELSE Live \ {leader})

\* A mailbox holds at most one operation, and only while the operation is replayed.
MailboxDepthOne == \A g \in Groups : (Len(mail[g]) <= 1)
MailWhileReplaying == \A g \in Groups : ((mail[g] # <<>>) => (leader # None /\ ~Pending /\ part[g] = "Arrived" /\ mail[g] = <<op>>))

\* Every live group has applied exactly the committed log, in order, and whoever has a part in the
\* present operation that and nothing else: all tables agree.
Agreement == \A g \in Groups : ((g \in Live \/ stage[g] = "Built") => (view[g] = (IF Ahead(g) THEN Append(log, op) ELSE log)))

\* Guest code runs on what is committed, never on a half-loaded library.
NothingUncommittedIsVisible == \A g \in Groups : (RunsGuest(g) => (view[g] = log))

\* While any group applies an operation, no group runs guest code.
WorldIsStopped == (leader # None /\ ~Pending) => (\A g \in Groups : ~RunsGuest(g))

\* Nobody goes on before everybody has applied.
NobodyGoesOnAlone == \A g \in Live : ((leader # None /\ ~Pending /\ g # leader) => (part[g] # "None"))

\* What was done once is not done again: a symbol has one pointer, a module is loaded once.
NothingTwice == \A i \in 1..Len(log) : (\A j \in 1..Len(log) : ((i # j /\ log[i] = log[j]) => (log[i][1] = "AllocateFunctionTable")))

\* Nobody waits for the lease while it holds the state lock.
LockOrder == \A g \in Groups : ((stage[g] = "WaitLease") => (writer # g))

\* Who waits stands in its queue exactly once, and nobody else does.
QueuesAreExact ==
    /\ Range(leaseQueue) = {g \in Groups : stage[g] = "WaitLease"}
    /\ Range(stateQueue) = {g \in Groups : stage[g] = "WaitState"}
    /\ Len(leaseQueue) = Cardinality(Range(leaseQueue))
    /\ Len(stateQueue) = Cardinality(Range(stateQueue))

\* A group that is gone leaves nothing behind, except a promise that it gave by broadcasting.
GoneIsGone == \A g \in Groups : ((mode[g] = "Gone") => (stage[g] \in {"Idle", "Replaying"} /\ part[g] = "None" /\ mail[g] = <<>> /\ view[g] = <<>> /\ writer # g))

\* A group that sleeps asks for nothing and holds nothing.
ParkedIsIdle == \A g \in Groups : (Asleep(g) => (stage[g] = "Idle"))

\* Whoever waits to get in waits for an operation that counts on the group.
WakingHasPart == \A g \in Groups : ((mode[g] = "Waking") => (part[g] # "None"))

\* A child has the token until it is attached, and only a child is built.
ChildHasToken == \A g \in Groups : (((mode[g] = "Building") => (holder = g /\ stage[g] \in {"Leased", "Built", "WaitState", "Locked"})) /\ ((stage[g] = "Built") => (mode[g] = "Building")))

\* Without an operation nothing of one is left.
IdleIsClean == (leader = None) => (failed = FALSE /\ (\A g \in Groups : mail[g] = <<>>))

\* An operation is named exactly while somebody works on it.
OpIsInUse == (op = <<>>) = (\A g \in Groups : stage[g] \notin {"Worked", "Published", "Replaying"})

\* Every closure slot that exists is free or taken.
ClosuresAddUp == free + taken = table

(***************************************************************************)
(* Properties of steps                                                     *)
(***************************************************************************)

\* Poison is for ever, and nothing changes once it is there.
PoisonIsForEver == [][~poisoned]_vars

\* The log only grows, by the leader's operation, or is forgotten as a whole when it is full.
LogGrows == [][(log' = Append(log, op) /\ leader # None) \/ (log' = <<>> /\ Len(log) = MaxLog)]_log

\* The log grows only after every participant has applied: the second epoch.
CommitAfterAll == [][(Len(log') > Len(log)) => (\A h \in Groups : (part[h] \in {"None", "Applied"}))]_log

\* Closures change only under the state lock, or by the commit that adds slots.
ClosuresUnderLock == [][(writer # None /\ stage[writer] = "Locked" /\ mode[writer] = "Running") \/ table' # table]_<<free, taken>>

\* The table grows only by the commit of an allocation.
TableGrows == [][log' = Append(log, op) /\ op[1] = "AllocateFunctionTable" /\ table' = table + Batch /\ free' = free + Batch]_table

\* A group goes on (its part ends) only when the operation is over, or when it is gone.
EpochTwo == [][\A h \in Groups : ((part[h] # "None" /\ part'[h] = "None") => (leader' = None \/ mode'[h] = "Gone"))]_part

\* An operation that fails, is cancelled, or whose leader dies before the broadcast leaves every live group and the records as they were before it.
NoTrace == [][((op # <<>> /\ op' = <<>> /\ log' = log) => (table' = table /\ free' = free /\ taken' = taken /\ (\A h \in Groups : ((mode'[h] # "Gone") => (view'[h] = log /\ part'[h] = "None" /\ mail'[h] = <<>>)))))]_op

\* What was broadcast is committed, unless somebody could not apply it.
PromiseIsKept == [][((leader # None /\ ~Pending /\ leader' = None /\ log' = log) => failed)]_leader

\* Nobody takes an operation back while somebody else may still apply it.
UndoAfterAll == [][\A h \in Groups : ((part[h] # "Undone" /\ part'[h] = "Undone") => (failed /\ (\A k \in Groups : part[k] # "Arrived")))]_part

\* Poison has a cause: an operation failed, everybody had tried, and somebody who was there had something to take back.
PoisonHasCause == [][failed /\ (\A k \in Groups : part[k] # "Arrived") /\ ((\E h \in Groups : part[h] = "Applied") \/ (\E g \in Groups : stage[g] = "Replaying" /\ mode[g] = "Running"))]_poisoned

\* At the rendezvous a group does nothing of its own, except to die; and somebody may come to wait at the door of one that sleeps.
RendezvousIsStill == [][\A g \in Groups : ((AtRendezvous(g) /\ mode'[g] # "Gone") => (stage'[g] = stage[g] /\ (mode'[g] = mode[g] \/ (Asleep(g) /\ (mode'[g] \in {"Parked", "Waking"} \/ part'[g] = "None")))))]_<<mode, stage>>

\* The token is given to whoever waits longest, and from there it goes back or to the holder's new child: it exists once, wherever it moves.
TokenMoves == [][IF holder = None THEN (leaseQueue # <<>> /\ holder' = Head(leaseQueue)) ELSE (holder' = None \/ (mode[holder'] = "Gone" /\ mode'[holder'] = "Building" /\ stage[holder] = "Leased" /\ stage'[holder] = "Idle"))]_holder

\* The state lock is given to whoever waits longest.
StateInTurn == [][(writer' # None) => (writer = None /\ stateQueue # <<>> /\ writer' = Head(stateQueue))]_writer

\* A group that attaches has the whole log, and no operation is under way that it could miss or double.
AttachSeesAll == [][\A c \in Groups : ((mode[c] = "Building" /\ mode'[c] = "Running") => (view'[c] = log' /\ op = <<>> /\ leader = None))]_mode

\* A group that was claimed sleeps until the operation is over: the leader acts for it.
ClaimedSleeps == [][\A g \in Groups : ((Asleep(g) /\ mode'[g] = "Running") => (part[g] = "None" \/ part'[g] = "None"))]_mode

(***************************************************************************)
(* Liveness, under weak fairness only: both queues are first come, first   *)
(* served, and the end of an operation lets in who waits to get in.        *)
(* Nobody is obliged to ask for anything, to park, to wake up, to cancel,  *)
(* to crash, to spawn or to leave; and others may do so for ever.          *)
(***************************************************************************)
Fairness ==
    \A g \in Groups :
        /\ WF_vars(GrantLease(g))
        /\ WF_vars(stage[g] # "Idle" /\ RequestState(g))
        /\ WF_vars(LockState(g))
        /\ WF_vars(UnlockState(g))
        /\ WF_vars(Publish(g))
        /\ WF_vars(Arrive(g))
        /\ WF_vars(Claim(g))
        /\ WF_vars(Broadcast(g))
        /\ WF_vars(Apply(g) \/ FailApply(g))
        /\ WF_vars(Undo(g) \/ FailUndo(g))
        /\ WF_vars(Commit(g))
        /\ WF_vars(Rollback(g) \/ FailRollback(g))
        /\ WF_vars(Build(g))
        /\ WF_vars(Attach(g))

FairSpec == Spec /\ Fairness

\* Everybody who sleeps wants to run again, all the time.
EagerSpec == FairSpec /\ (\A g \in Groups : WF_vars(Unpark(g) \/ Wake(g)))

\* Every request for the lease is granted (or withdrawn).
LeaseIsGranted == \A g \in Groups : ((stage[g] = "WaitLease") ~> (stage[g] # "WaitLease" \/ poisoned))

\* Every request for the state lock is granted (or withdrawn).
StateIsGranted == \A g \in Groups : ((stage[g] = "WaitState") ~> (stage[g] # "WaitState" \/ poisoned))

\* Every published operation ends.
OperationEnds == (leader # None) ~> (leader = None \/ poisoned)

\* Whoever waits to get into a sleeping group gets in (or gives up).
WakingRuns == \A g \in Groups : ((mode[g] = "Waking") ~> (mode[g] # "Waking" \/ poisoned))

\* Every parked group that wants to run again runs: for EagerSpec, where nobody gives up.
ParkedRuns == \A g \in Groups : (Asleep(g) ~> (~Asleep(g) \/ poisoned))

\* Every group that came to the rendezvous goes on.
RendezvousEnds == \A g \in Groups : ((part[g] # "None") ~> (part[g] = "None" \/ poisoned))

=============================================================================
