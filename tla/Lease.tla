------------------------------- MODULE Lease --------------------------------
(***************************************************************************)
(* The topology lease: the right to change which groups exist, or what all *)
(* groups must agree on.  At most one group holds it, and the group that   *)
(* waits longest is next.                                                  *)
(***************************************************************************)
EXTENDS LinkerVars

\* g joins the lease's queue.
\* In Go: coord.Member.lease, coord.Member.TryLease
RequestLease(g) ==
    /\ Usable
    /\ mode[g] = "Running"
    /\ stage[g] = "Idle" \/ ("LockOrder" \in Off /\ stage[g] = "Locked" /\ holder # g)
    /\ ~AtRendezvous(g)
    /\ leaseQueue' = Append(leaseQueue, g)
    /\ stage' = [stage EXCEPT ![g] = "WaitLease"]
    /\ UNCHANGED <<mode, holder, lockVars, operationVars, imageVars, closureVars, poisoned>>

\* The lease is free and g is at the head: a token exists, and g has it.
\* In Go: coord.Member.lease, coord.Member.TryLease
GrantLease(g) ==
    /\ Usable
    /\ stage[g] = "WaitLease"
    /\ holder = None
    /\ Head(leaseQueue) = g \/ "FirstCome" \in Off
    /\ holder' = g
    /\ leaseQueue' = Without(leaseQueue, g)
    /\ stage' = [stage EXCEPT ![g] = "Leased"]
    /\ UNCHANGED <<mode, lockVars, operationVars, imageVars, closureVars, poisoned>>
=============================================================================
