----------------------------- MODULE Membership -----------------------------
(***************************************************************************)
(* Which groups exist, which of them sleep, and how a request or a group   *)
(* ends early.                                                             *)
(***************************************************************************)
EXTENDS LinkerVars

\* p hands its token over to the child c, which is not a participant yet.
\* In Go: coord.Member.handOver
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
    /\ UNCHANGED <<leaseQueue, lockVars, operationVars, imageVars, closureVars, poisoned>>

\* The child makes its instances from the records, which cannot change while it has the lease.
\* In Go: coord.Child.Attach
Build(c) ==
    /\ Usable
    /\ stage[c] = "Leased"
    /\ mode[c] = "Building"
    /\ view' = [view EXCEPT ![c] = log]
    /\ stage' = [stage EXCEPT ![c] = "Built"]
    /\ UNCHANGED <<mode, leaseVars, lockVars, operationVars, log, closureVars, poisoned>>

\* The child is one of the groups from now on.
\* In Go: coord.Child.Attach
Attach(c) ==
    /\ Usable
    /\ stage[c] = "Locked"
    /\ mode[c] = "Building"
    /\ mode' = [mode EXCEPT ![c] = "Running"]
    /\ writer' = None
    /\ holder' = (IF holder = c THEN None ELSE holder)
    /\ stage' = [stage EXCEPT ![c] = "Idle"]
    /\ UNCHANGED <<leaseQueue, stateQueue, readers, operationVars, imageVars, closureVars,
                   poisoned>>

\* g leaves, through the state lock: whatever is pending, it took part in.
\* In Go: coord.Member.Detach
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
    /\ UNCHANGED <<leaseVars, stateQueue, readers, operationVars, log, closureVars, poisoned>>

(***************************************************************************)
(* Sleeping                                                                *)
(***************************************************************************)

\* No goroutine is in g any more, or g blocks in a host call that does not touch the linker.
\* In Go: coord.Member.Park, coord.Member.Detach, coord.Member.catchUp,
\*     coord.Child.Attach, coord.New
Park(g) ==
    /\ Usable
    /\ "Park" \in Features
    /\ RunsGuest(g)
    /\ mode' = [mode EXCEPT ![g] = "Parked"]
    /\ UNCHANGED <<stage, leaseVars, lockVars, operationVars, imageVars, closureVars, poisoned>>

\* A goroutine enters g, but not in the middle of an operation that counts on g.
\* In Go: coord.Member.enter, coord.Member.catchUp
Unpark(g) ==
    /\ Usable
    /\ mode[g] = "Parked"
    /\ part[g] = "None" \/ "UnparkGuard" \in Off
    /\ mode' = [mode EXCEPT ![g] = "Running"]
    /\ UNCHANGED <<stage, leaseVars, lockVars, operationVars, imageVars, closureVars, poisoned>>

\* In the middle of such an operation, a goroutine that wants to enter g waits
\* for its end, which lets it in.
\* In Go: coord.Member.enter
Wake(g) ==
    /\ Usable
    /\ mode[g] = "Parked"
    /\ part[g] # "None"
    /\ "Wake" \notin Off
    /\ mode' = [mode EXCEPT ![g] = "Waking"]
    /\ UNCHANGED <<stage, leaseVars, lockVars, operationVars, imageVars, closureVars, poisoned>>

\* The goroutine that wanted to enter g gives up.
\* In Go: coord.Member.enter
CancelWake(g) ==
    /\ Usable
    /\ "Cancel" \in Features
    /\ mode[g] = "Waking"
    /\ mode' = [mode EXCEPT ![g] = "Parked"]
    /\ UNCHANGED <<stage, leaseVars, lockVars, operationVars, imageVars, closureVars, poisoned>>

(***************************************************************************)
(* Giving up                                                               *)
(***************************************************************************)

\* g's request is cancelled, at any time before the broadcast: it leaves no
\* trace.  A child that cannot be built ends the same way.
\* In Go: coord.Member.cancel
Cancel(g) ==
    /\ Usable
    /\ "Cancel" \in Features
    /\ stage[g] \in {"WaitLease", "Leased", "Built", "WaitState", "Locked", "Worked", "Published"}
    /\ ~AtRendezvous(g)
    /\ mode' = [(IF leader = g THEN LetIn ELSE mode)
                   EXCEPT ![g] = IF mode[g] = "Building" THEN "Gone" ELSE mode[g]]
    /\ stage' = [stage EXCEPT ![g] = "Idle"]
    /\ leaseQueue' = Without(leaseQueue, g)
    /\ stateQueue' = Without(stateQueue, g)
    /\ holder' = (IF holder = g THEN None ELSE holder)
    /\ writer' = (IF writer = g THEN None ELSE writer)
    /\ leader' = (IF leader = g THEN None ELSE leader)
    /\ op' = (IF stage[g] \in {"Worked", "Published"} THEN <<>> ELSE op)
    /\ part' = (IF leader = g THEN [h \in Groups |-> "None"] ELSE part)
    /\ view' = [view EXCEPT ![g] =
                   IF mode[g] = "Building" THEN <<>>
                   ELSE IF Ahead(g) /\ "CancelUndoes" \notin Off THEN Front(view[g])
                   ELSE view[g]]
    /\ UNCHANGED <<readers, mail, failed, log, closureVars, poisoned>>

\* g dies where it stands: no group waits for it.  A leader that dies after the
\* broadcast has promised: its goroutine still finishes the operation.
\* In Go: coord.Member.perish
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
    /\ part' = (IF stage[g] = "Published" THEN [h \in Groups |-> "None"]
                ELSE IF "CrashEndsPart" \in Off THEN part
                ELSE [part EXCEPT ![g] = "None"])
    /\ mail' = [mail EXCEPT ![g] = <<>>]
    /\ view' = [view EXCEPT ![g] = <<>>]
    /\ UNCHANGED <<failed, log, closureVars, poisoned>>
=============================================================================
