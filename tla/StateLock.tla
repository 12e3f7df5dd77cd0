----------------------------- MODULE StateLock ------------------------------
(***************************************************************************)
(* The reader/writer lock on the shared linker state, with a queue of its  *)
(* own, and what is done under it alone: closure slots.  The group that    *)
(* waits longest is the next writer.  Readers are a leader and its         *)
(* participants, from the broadcast to the end of the operation.           *)
(***************************************************************************)
EXTENDS LinkerVars

\* g joins the state lock's queue: with the lease to link, without it for
\* closures and to leave, and as a child that is about to attach.
\* In Go: coord.Member.awaitState, coord.Member.TryWithState
RequestState(g) ==
    /\ Usable
    /\ \/ stage[g] = "Idle" /\ mode[g] = "Running" /\ ~AtRendezvous(g)
       \/ stage[g] = "Leased" /\ mode[g] = "Running"
       \/ stage[g] = "Built"
    /\ stateQueue' = Append(stateQueue, g)
    /\ stage' = [stage EXCEPT ![g] = "WaitState"]
    /\ UNCHANGED <<mode, leaseVars, writer, readers, operationVars, imageVars, closureVars,
                   poisoned>>

\* No writer, no reader, and g at the head: g is the writer.
\* In Go: coord.Member.awaitState, coord.Member.TryWithState
LockState(g) ==
    /\ Usable
    /\ stage[g] = "WaitState"
    /\ writer = None
    /\ readers = {}
    /\ Head(stateQueue) = g \/ "FirstCome" \in Off
    /\ writer' = g
    /\ stateQueue' = Without(stateQueue, g)
    /\ stage' = [stage EXCEPT ![g] = "Locked"]
    /\ UNCHANGED <<mode, leaseVars, readers, operationVars, imageVars, closureVars, poisoned>>

\* g releases the state lock, and the lease if it has it: another group had
\* done the work already (second look-up), or g only wanted closures.
\* In Go: coord.Member.prepare, coord.Member.takenBack, coord.Member.holding
UnlockState(g) ==
    /\ Usable
    /\ stage[g] = "Locked"
    /\ mode[g] = "Running"
    /\ writer' = None
    /\ holder' = (IF holder = g THEN None ELSE holder)
    /\ stage' = [stage EXCEPT ![g] = "Idle"]
    /\ UNCHANGED <<mode, leaseQueue, stateQueue, readers, operationVars, imageVars, closureVars,
                   poisoned>>

\* A closure slot is handed out, under the state lock alone.
\* In Go: coord.Member.AllocateClosure
AllocateClosure(g) ==
    /\ Usable
    /\ stage[g] = "Locked"
    /\ mode[g] = "Running"
    /\ free > 0
    /\ free' = free - 1
    /\ taken' = taken + 1
    /\ UNCHANGED <<groupVars, leaseVars, lockVars, operationVars, imageVars, table, poisoned>>

\* A closure slot comes back.
\* In Go: coord.Member.FreeClosure
FreeClosure(g) ==
    /\ Usable
    /\ stage[g] = "Locked"
    /\ mode[g] = "Running"
    /\ taken > 0
    /\ free' = free + 1
    /\ taken' = taken - 1
    /\ UNCHANGED <<groupVars, leaseVars, lockVars, operationVars, imageVars, table, poisoned>>
=============================================================================
