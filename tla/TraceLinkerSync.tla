--------------------------- MODULE TraceLinkerSync ---------------------------
(***************************************************************************)
(* Are recorded traces of the running linker behaviours of LinkerSync?     *)
(*                                                                         *)
(* Each action that a linker performs is one event of its trace.  A        *)
(* critical section of the linker performs one action or more.             *)
(*                                                                         *)
(* Each behaviour of this specification follows one trace of a batch: in   *)
(* its next step it does the action that the next event names, and comes   *)
(* to what was seen after it.  A trace that is no behaviour of LinkerSync  *)
(* cannot go on: TLC reports a deadlock, whose last state shows the trace  *)
(* and how many of its events were matched.  A batch of traces that are    *)
(* behaviours has exactly one state for each event and one for each        *)
(* beginning, which the postcondition AllMatched says.                     *)
(*                                                                         *)
(* Module TraceData holds the batch.  The one beside this module is an      *)
(* example; the Go package lincheck/trace/batch writes others, with their  *)
(* configurations, and runs TLC.  To check traces:                         *)
(*                                                                         *)
(*     go run ./cmd/lockstep trace check --tlc FILE...                     *)
(***************************************************************************)
EXTENDS TraceData, TLC

\* Traces is the batch: a sequence of traces, each a sequence of events, each of them
\*   <<action, group, argument, seen>>
\* argument is the child of a Spawn, the operation of a Work, and otherwise None; group is the first
\* one for an action of no group.  seen is what the linker's own state was after the action:
\*   <<mode, stage and part of the group, holder, writer, leader, op,
\*     length of leaseQueue and of stateQueue, size of readers, length of log, free, taken>>

\* A batch without traces, and a trace without events, would be accepted whatever the linker does.
ASSUME NothingIsEmpty == Len(Traces) > 0 /\ \A t \in 1..Len(Traces) : Len(Traces[t]) > 0

VARIABLES
    trace,      \* the number of the trace that this behaviour follows
    matched     \* how many of its events were matched so far

traceVars == <<vars, trace, matched>>

(***************************************************************************)
(* The next event                                                          *)
(***************************************************************************)

Event == Traces[trace][matched + 1]

EventGroup == Event[2]

EventChild == Event[3]

EventOp == Event[3]

\* The next event is of this action.
Is(action) == matched < Len(Traces[trace]) /\ Event[1] = action

\* What was seen is what comes out, and the event is matched.
Matches ==
    /\ Event[4] = <<mode'[EventGroup], stage'[EventGroup], part'[EventGroup],
                    holder', writer', leader', op',
                    Len(leaseQueue'), Len(stateQueue'), Cardinality(readers'), Len(log'),
                    free', taken'>>
    /\ matched' = matched + 1
    /\ trace' = trace

(***************************************************************************)
(* One wrapper for each action                                             *)
(***************************************************************************)

\* Made from Step in LinkerSync: go generate ./tla

TraceRequestLease == Is("RequestLease") /\ RequestLease(EventGroup) /\ Matches
TraceGrantLease == Is("GrantLease") /\ GrantLease(EventGroup) /\ Matches
TraceRequestState == Is("RequestState") /\ RequestState(EventGroup) /\ Matches
TraceLockState == Is("LockState") /\ LockState(EventGroup) /\ Matches
TraceUnlockState == Is("UnlockState") /\ UnlockState(EventGroup) /\ Matches
TraceAllocateClosure == Is("AllocateClosure") /\ AllocateClosure(EventGroup) /\ Matches
TraceFreeClosure == Is("FreeClosure") /\ FreeClosure(EventGroup) /\ Matches
TraceWork == Is("Work") /\ EventOp \in Kinds \X Tags /\ Work(EventGroup, EventOp) /\ Matches
TracePublish == Is("Publish") /\ Publish(EventGroup) /\ Matches
TraceArrive == Is("Arrive") /\ Arrive(EventGroup) /\ Matches
TraceClaim == Is("Claim") /\ Claim(EventGroup) /\ Matches
TraceBroadcast == Is("Broadcast") /\ Broadcast(EventGroup) /\ Matches
TraceApply == Is("Apply") /\ Apply(EventGroup) /\ Matches
TraceCommit == Is("Commit") /\ Commit(EventGroup) /\ Matches
TraceFailApply == Is("FailApply") /\ FailApply(EventGroup) /\ Matches
TraceUndo == Is("Undo") /\ Undo(EventGroup) /\ Matches
TraceFailUndo == Is("FailUndo") /\ FailUndo(EventGroup) /\ Matches
TraceRollback == Is("Rollback") /\ Rollback(EventGroup) /\ Matches
TraceFailRollback == Is("FailRollback") /\ FailRollback(EventGroup) /\ Matches
TraceSpawn == Is("Spawn") /\ EventChild \in Groups /\ Spawn(EventGroup, EventChild) /\ Matches
TraceBuild == Is("Build") /\ Build(EventGroup) /\ Matches
TraceAttach == Is("Attach") /\ Attach(EventGroup) /\ Matches
TraceDetach == Is("Detach") /\ Detach(EventGroup) /\ Matches
TracePark == Is("Park") /\ Park(EventGroup) /\ Matches
TraceUnpark == Is("Unpark") /\ Unpark(EventGroup) /\ Matches
TraceWake == Is("Wake") /\ Wake(EventGroup) /\ Matches
TraceCancelWake == Is("CancelWake") /\ CancelWake(EventGroup) /\ Matches
TraceCancel == Is("Cancel") /\ Cancel(EventGroup) /\ Matches
TraceCrash == Is("Crash") /\ Crash(EventGroup) /\ Matches
TraceCheckpoint == Is("Checkpoint") /\ Checkpoint /\ Matches

TraceStep ==
    \/ TraceRequestLease
    \/ TraceGrantLease
    \/ TraceRequestState
    \/ TraceLockState
    \/ TraceUnlockState
    \/ TraceAllocateClosure
    \/ TraceFreeClosure
    \/ TraceWork
    \/ TracePublish
    \/ TraceArrive
    \/ TraceClaim
    \/ TraceBroadcast
    \/ TraceApply
    \/ TraceCommit
    \/ TraceFailApply
    \/ TraceUndo
    \/ TraceFailUndo
    \/ TraceRollback
    \/ TraceFailRollback
    \/ TraceSpawn
    \/ TraceBuild
    \/ TraceAttach
    \/ TraceDetach
    \/ TracePark
    \/ TraceUnpark
    \/ TraceWake
    \/ TraceCancelWake
    \/ TraceCancel
    \/ TraceCrash
    \/ TraceCheckpoint

\* The end of what is made from Step.

\* The trace was matched to its end: this is an end, not a deadlock.
TraceEnd == matched = Len(Traces[trace]) /\ UNCHANGED traceVars

(***************************************************************************)
(* The specification                                                       *)
(***************************************************************************)

TraceInit == Init /\ matched = 0 /\ trace \in 1..Len(Traces)

TraceNext == TraceStep \/ TraceEnd

TraceSpec == TraceInit /\ [][TraceNext]_traceVars

\* Every trace was matched to its end: a step for each event, and one way only to do it.
RECURSIVE Length(_)
Length(t) == IF t = 0 THEN 0 ELSE Len(Traces[t]) + 1 + Length(t - 1)

AllMatched == TLCGet("stats").distinct = Length(Len(Traces))
=============================================================================
