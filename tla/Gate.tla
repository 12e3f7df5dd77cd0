-------------------------------- MODULE Gate --------------------------------
(***************************************************************************)
(* The gates of linker/coord: a goroutine goes into its group and out of   *)
(* it by one compare-and-swap, without the coordinator's mutex.            *)
(*                                                                         *)
(* gate[g] is "shut", or what the word of an open gate says of the group:  *)
(* "parked" or "running".  While a gate is open, mode[g] lags behind: it   *)
(* is caught up when the gate is shut.  The group's mode is GateMode[g],   *)
(* and with it Gate implements LinkerSync: In is Unpark, Out is Park, and  *)
(* Shut and Open change nothing.                                           *)
(*                                                                         *)
(* The number of passages that a word has in the code is for observers     *)
(* only, and is not here: a passage is its own step.                       *)
(***************************************************************************)
EXTENDS LinkerSync

VARIABLE gate       \* the word of each group's gate

gateVars == <<vars, gate>>

IsOpen(g) == gate[g] # "shut"

GateMode == [g \in Groups |-> CASE gate[g] = "shut" -> mode[g]
                                [] gate[g] = "parked" -> "Parked"
                                [] gate[g] = "running" -> "Running"]

GateInit == Init /\ gate = [g \in Groups |-> "shut"]

\* A goroutine goes in.  In Go: coord.gate.in.
In(g) ==
    /\ gate[g] = "parked"
    /\ gate' = [gate EXCEPT ![g] = "running"]
    /\ UNCHANGED vars

\* A goroutine goes out.  In Go: coord.gate.out.
Out(g) ==
    /\ gate[g] = "running"
    /\ gate' = [gate EXCEPT ![g] = "parked"]
    /\ UNCHANGED vars

\* The gate is shut with the mutex held, and mode is caught up.  In Go: coord.Member.shut.
Shut(g) ==
    /\ IsOpen(g)
    /\ mode' = [mode EXCEPT ![g] = GateMode[g]]
    /\ gate' = [gate EXCEPT ![g] = "shut"]
    /\ UNCHANGED <<stage, leaseVars, lockVars, operationVars, imageVars, closureVars, poisoned>>

\* The gate of a group that asks for nothing is opened, with the mutex held.  No operation is
\* published, nor about to be: Work and Publish are one critical section.  In Go: coord.Member.open.
Open(g) ==
    /\ ~IsOpen(g)
    /\ mode[g] \in {"Parked", "Running"}
    /\ stage[g] = "Idle"
    /\ op = <<>>
    /\ gate' = [gate EXCEPT ![g] = IF mode[g] = "Parked" THEN "parked" ELSE "running"]
    /\ UNCHANGED vars

\* What is done with the mutex held changes nothing of a group whose gate is open.
RespectsGates ==
    \A g \in Groups : IsOpen(g) => mode'[g] = mode[g] /\ stage'[g] = stage[g] /\ part'[g] = part[g]

Locked(action) == action /\ UNCHANGED gate /\ RespectsGates

GateNext ==
    \/ \E g \in Groups : In(g) \/ Out(g) \/ Shut(g) \/ Open(g)
    \/ Locked(Next)

GateSpec == GateInit /\ [][GateNext]_gateVars

(***************************************************************************)
(* What holds                                                              *)
(***************************************************************************)

Abstract == INSTANCE LinkerSync WITH mode <- GateMode

GatesImplement == Abstract!Spec

\* Nothing counts on a group whose gate is open, and the group asks for nothing.
OpenIsFree ==
    \A g \in Groups : IsOpen(g) =>
        mode[g] \in {"Parked", "Running"} /\ stage[g] = "Idle" /\ part[g] = "None" /\ leader = None

(***************************************************************************)
(* The leader shuts the gates and publishes in one critical section, so    *)
(* its operation is not held up by goroutines that go in and out.          *)
(***************************************************************************)
GateFairness ==
    \A g \in Groups :
        /\ WF_gateVars(op # <<>> /\ Shut(g))
        /\ WF_gateVars(Locked(GrantLease(g)))
        /\ WF_gateVars(Locked(stage[g] # "Idle" /\ RequestState(g)))
        /\ WF_gateVars(Locked(LockState(g)))
        /\ WF_gateVars(Locked(UnlockState(g)))
        /\ WF_gateVars(Locked(Publish(g)))
        /\ WF_gateVars(Locked(Arrive(g)))
        /\ WF_gateVars(Locked(Claim(g)))
        /\ WF_gateVars(Locked(Broadcast(g)))
        /\ WF_gateVars(Locked(Apply(g) \/ FailApply(g)))
        /\ WF_gateVars(Locked(Undo(g) \/ FailUndo(g)))
        /\ WF_gateVars(Locked(Commit(g)))
        /\ WF_gateVars(Locked(Rollback(g) \/ FailRollback(g)))
        /\ WF_gateVars(Locked(Build(g)))
        /\ WF_gateVars(Locked(Attach(g)))

FairGateSpec == GateSpec /\ GateFairness

(***************************************************************************)
(* Mistakes                                                                *)
(***************************************************************************)

\* A leader publishes and looks at the gates without shutting them: a bit is lost, or set too late.
LostBitSpec ==
    GateInit /\ [][GateNext \/ (Next /\ UNCHANGED gate)]_gateVars

\* A gate is opened while an operation counts on the group.
EarlyOpen(g) ==
    /\ ~IsOpen(g)
    /\ mode[g] \in {"Parked", "Running"}
    /\ stage[g] = "Idle"
    /\ gate' = [gate EXCEPT ![g] = IF mode[g] = "Parked" THEN "parked" ELSE "running"]
    /\ UNCHANGED vars

EarlyOpenSpec ==
    GateInit /\ [][GateNext \/ \E g \in Groups : EarlyOpen(g)]_gateVars

\* The gate of a group that asks for something is opened, so that it can be left in the middle.
BusyOpen(g) ==
    /\ ~IsOpen(g)
    /\ mode[g] \in {"Parked", "Running"}
    /\ op = <<>>
    /\ gate' = [gate EXCEPT ![g] = IF mode[g] = "Parked" THEN "parked" ELSE "running"]
    /\ UNCHANGED vars

BusyOpenSpec ==
    GateInit /\ [][GateNext \/ \E g \in Groups : BusyOpen(g)]_gateVars
=============================================================================
