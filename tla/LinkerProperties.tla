-------------------------- MODULE LinkerProperties --------------------------
(***************************************************************************)
(* What must hold of LinkerSync.  spec/invariants.md has a number and a    *)
(* sentence for each, its place in Go, and the mistakes that break it.     *)
(***************************************************************************)
EXTENDS LinkerVars

(***************************************************************************)
(* Invariants.                                                             *)
(***************************************************************************)

\* A group in a stage that needs the lease has it; and a token that exists is in use.
LeaseIsHeld ==
    \A g \in Groups :
        (stage[g] \in {"Leased", "Built", "Published", "Replaying"}) => (holder = g)
TokenIsInUse ==
    (holder # None) =>
        (stage[holder] \in {"Leased", "Built", "WaitState", "Locked", "Worked", "Published",
                            "Replaying"})

\* A group in a stage that needs the state lock is the writer; a lock that is held is in use.
StateIsHeld ==
    \A g \in Groups : (stage[g] \in {"Locked", "Worked", "Published"}) => (writer = g)
StateIsInUse == (writer # None) => (stage[writer] \in {"Locked", "Worked", "Published"})

\* A writer is alone.
WriterIsAlone == (writer # None) => (readers = {})

\* While an operation is replayed, the leader and all participants hold the
\* state lock for reading, and no other group does.
ReplayIsLocked == (leader # None /\ ~Pending) => (readers = Participants \cup {leader})
ReadersReplay == (readers # {}) => (leader # None)

\* Only a holder of the lease and of the state lock publishes.
PublishHoldsBoth == Pending => (holder = leader /\ stage[leader] = "Published")

\* The participants are exactly the live groups but the leader.
ParticipantsAreLive == Participants = (IF leader = None THEN {} ELSE Live \ {leader})

\* A mailbox holds at most one operation, and only while the operation is replayed.
MailboxDepthOne == \A g \in Groups : (Len(mail[g]) <= 1)
MailWhileReplaying ==
    \A g \in Groups :
        ((mail[g] # <<>>) =>
            (leader # None /\ ~Pending /\ part[g] = "Arrived" /\ mail[g] = <<op>>))

\* Every live group has applied exactly the committed log, in order.  A group
\* with a part in the present operation has applied that and nothing else: all
\* tables agree.
Agreement ==
    \A g \in Groups :
        ((g \in Live \/ stage[g] = "Built") =>
            (view[g] = (IF Ahead(g) THEN Append(log, op) ELSE log)))

\* Guest code runs on what is committed, never on a half-loaded library.
NothingUncommittedIsVisible == \A g \in Groups : (RunsGuest(g) => (view[g] = log))

\* While any group applies an operation, no group runs guest code.
WorldIsStopped == (leader # None /\ ~Pending) => (\A g \in Groups : ~RunsGuest(g))

\* No group goes on before all have applied.
NobodyGoesOnAlone ==
    \A g \in Live : ((leader # None /\ ~Pending /\ g # leader) => (part[g] # "None"))

\* What was done once is not done again: a symbol has one pointer, a module is loaded once.
NothingTwice ==
    \A i \in 1..Len(log) :
        (\A j \in 1..Len(log) :
            ((i # j /\ log[i] = log[j]) => (log[i][1] = "AllocateFunctionTable")))

\* No group waits for the lease while it holds the state lock.
LockOrder == \A g \in Groups : ((stage[g] = "WaitLease") => (writer # g))

\* A group that waits stands in its queue exactly once, and no other group does.
QueuesAreExact ==
    /\ Range(leaseQueue) = {g \in Groups : stage[g] = "WaitLease"}
    /\ Range(stateQueue) = {g \in Groups : stage[g] = "WaitState"}
    /\ Len(leaseQueue) = Cardinality(Range(leaseQueue))
    /\ Len(stateQueue) = Cardinality(Range(stateQueue))

\* A group that is gone leaves nothing behind, except a promise that it gave by broadcasting.
GoneIsGone ==
    \A g \in Groups :
        ((mode[g] = "Gone") =>
            (stage[g] \in {"Idle", "Replaying"} /\ part[g] = "None" /\ mail[g] = <<>>
                /\ view[g] = <<>> /\ writer # g))

\* A group that sleeps asks for nothing and holds nothing.
ParkedIsIdle == \A g \in Groups : (Asleep(g) => (stage[g] = "Idle"))

\* A goroutine at the door of a group waits for an operation that counts on the group.
WakingHasPart == \A g \in Groups : ((mode[g] = "Waking") => (part[g] # "None"))

\* A child has the token until it is attached, and only a child is built.
ChildHasToken ==
    \A g \in Groups :
        (((mode[g] = "Building") =>
            (holder = g /\ stage[g] \in {"Leased", "Built", "WaitState", "Locked"}))
        /\ ((stage[g] = "Built") => (mode[g] = "Building")))

\* Without an operation nothing of one is left.
IdleIsClean == (leader = None) => (failed = FALSE /\ (\A g \in Groups : mail[g] = <<>>))

\* An operation is named exactly while a group works on it.
OpIsInUse ==
    (op = <<>>) = (\A g \in Groups : stage[g] \notin {"Worked", "Published", "Replaying"})

\* Every closure slot that exists is free or taken.
ClosuresAddUp == free + taken = table

(***************************************************************************)
(* Properties of steps                                                     *)
(***************************************************************************)

\* Poison is for ever, and nothing changes once it is there.
PoisonIsForEver == [][~poisoned]_vars

\* The log only grows, by the leader's operation, or is forgotten as a whole when it is full.
LogGrows ==
    [][(log' = Append(log, op) /\ leader # None) \/ (log' = <<>> /\ Len(log) = MaxLog)]_log

\* The log grows only after every participant has applied: the second epoch.
CommitAfterAll ==
    [][(Len(log') > Len(log)) => (\A h \in Groups : (part[h] \in {"None", "Applied"}))]_log

\* Closures change only under the state lock, or by the commit that adds slots.
ClosuresUnderLock ==
    [][(writer # None /\ stage[writer] = "Locked" /\ mode[writer] = "Running")
        \/ table' # table]_<<free, taken>>

\* The table grows only by the commit of an allocation.
TableGrows ==
    [][log' = Append(log, op) /\ op[1] = "AllocateFunctionTable"
        /\ table' = table + Batch /\ free' = free + Batch]_table

\* A group goes on (its part ends) only when the operation is over, or when it is gone.
EpochTwo ==
    [][\A h \in Groups :
        ((part[h] # "None" /\ part'[h] = "None") => (leader' = None \/ mode'[h] = "Gone"))]_part

\* An operation that fails, is cancelled, or whose leader dies before the broadcast
\* leaves every live group and the records as they were before it.
NoTrace ==
    [][((op # <<>> /\ op' = <<>> /\ log' = log) =>
            (table' = table /\ free' = free /\ taken' = taken
                /\ (\A h \in Groups :
                        ((mode'[h] # "Gone") =>
                            (view'[h] = log /\ part'[h] = "None" /\ mail'[h] = <<>>)))))]_op

\* What was broadcast is committed, unless a group could not apply it.
PromiseIsKept ==
    [][((leader # None /\ ~Pending /\ leader' = None /\ log' = log) => failed)]_leader

\* No group takes an operation back while another may still apply it.
UndoAfterAll ==
    [][\A h \in Groups :
        ((part[h] # "Undone" /\ part'[h] = "Undone") =>
            (failed /\ (\A k \in Groups : part[k] # "Arrived")))]_part

\* Poison has a cause: an operation failed, every participant had tried, and a
\* group that was there had something to take back.
PoisonHasCause ==
    [][failed /\ (\A k \in Groups : part[k] # "Arrived")
        /\ ((\E h \in Groups : part[h] = "Applied")
            \/ (\E g \in Groups : stage[g] = "Replaying" /\ mode[g] = "Running"))]_poisoned

\* At the rendezvous a group does nothing of its own, except to die; and a
\* goroutine may come to wait at the door of one that sleeps.
RendezvousIsStill ==
    [][\A g \in Groups :
        ((AtRendezvous(g) /\ mode'[g] # "Gone") =>
            (stage'[g] = stage[g]
                /\ (mode'[g] = mode[g]
                    \/ (Asleep(g) /\ (mode'[g] \in {"Parked", "Waking"} \/ part'[g] = "None")))))
      ]_<<mode, stage>>

\* The token is given to the group that waits longest, and from there it goes
\* back or to the holder's new child: it exists once, wherever it moves.
TokenMoves ==
    [][IF holder = None
       THEN leaseQueue # <<>> /\ holder' = Head(leaseQueue)
       ELSE holder' = None
            \/ (mode[holder'] = "Gone" /\ mode'[holder'] = "Building"
                /\ stage[holder] = "Leased" /\ stage'[holder] = "Idle")]_holder

\* The state lock is given to the group that waits longest.
StateInTurn ==
    [][(writer' # None) =>
        (writer = None /\ stateQueue # <<>> /\ writer' = Head(stateQueue))]_writer

\* A group that attaches has the whole log, and no operation is under way that
\* it could miss or double.
AttachSeesAll ==
    [][\A c \in Groups :
        ((mode[c] = "Building" /\ mode'[c] = "Running") =>
            (view'[c] = log' /\ op = <<>> /\ leader = None))]_mode

\* A group that was claimed sleeps until the operation is over: the leader acts for it.
ClaimedSleeps ==
    [][\A g \in Groups :
        ((Asleep(g) /\ mode'[g] = "Running") => (part[g] = "None" \/ part'[g] = "None"))]_mode

(***************************************************************************)
(* Liveness, under the fairness of LinkerSync.                             *)
(***************************************************************************)

\* Every request for the lease is granted (or withdrawn).
LeaseIsGranted ==
    \A g \in Groups : ((stage[g] = "WaitLease") ~> (stage[g] # "WaitLease" \/ poisoned))

\* Every request for the state lock is granted (or withdrawn).
StateIsGranted ==
    \A g \in Groups : ((stage[g] = "WaitState") ~> (stage[g] # "WaitState" \/ poisoned))

\* Every published operation ends.
OperationEnds == (leader # None) ~> (leader = None \/ poisoned)

\* A goroutine that waits at the door of a sleeping group gets in (or gives up).
WakingRuns == \A g \in Groups : ((mode[g] = "Waking") ~> (mode[g] # "Waking" \/ poisoned))

\* Every parked group that wants to run again runs: for EagerSpec, where none gives up.
ParkedRuns == \A g \in Groups : (Asleep(g) ~> (~Asleep(g) \/ poisoned))

\* Every group that came to the rendezvous goes on.
RendezvousEnds == \A g \in Groups : ((part[g] # "None") ~> (part[g] = "None" \/ poisoned))
=============================================================================
