----------------------------- MODULE Operation ------------------------------
(***************************************************************************)
(* A link operation, from the leader's own work to its end.  The world is  *)
(* stopped twice: every participant arrives (epoch 1), the operation is    *)
(* broadcast and applied by each, every participant has applied it (epoch  *)
(* 2), commit.  A participant that cannot apply it makes all of them take  *)
(* it back.                                                                *)
(***************************************************************************)
EXTENDS LinkerVars

\* g has done operation o in its own instances and in the shared state.
\* In Go: coord.Coordinator.worked
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
    /\ UNCHANGED <<mode, leaseVars, lockVars, leader, part, mail, failed, log, closureVars,
                   poisoned>>

\* The participants are fixed: every live group but g.  Epoch 1 opens.
\* In Go: coord.Member.publish
Publish(g) ==
    /\ Usable
    /\ stage[g] = "Worked"
    /\ leader' = g
    /\ part' = [h \in Groups |->
                   IF h \in Live \ {g}
                   THEN IF "LateClaim" \in Off /\ Asleep(h) THEN "Arrived" ELSE "Expected"
                   ELSE "None"]
    /\ stage' = [stage EXCEPT ![g] = "Published"]
    /\ UNCHANGED <<mode, leaseVars, lockVars, op, mail, failed, imageVars, closureVars, poisoned>>

\* h reaches a safepoint, or waits for the lease or the state lock: it takes part.
\* In Go: coord.Coordinator.serve
Arrive(h) ==
    /\ Usable
    /\ Pending
    /\ part[h] = "Expected"
    /\ mode[h] = "Running"
    /\ stage[h] \in {"Idle", "WaitLease", "WaitState"}
    /\ "Cooperate" \notin Off \/ stage[h] # "WaitState"
    /\ part' = [part EXCEPT ![h] = "Arrived"]
    /\ UNCHANGED <<groupVars, leaseVars, lockVars, leader, op, mail, failed, imageVars, closureVars,
                   poisoned>>

\* h sleeps: the leader acts for it.
\* In Go: coord.Coordinator.serve
Claim(h) ==
    /\ Usable
    /\ Pending
    /\ part[h] = "Expected"
    /\ Asleep(h)
    /\ "LateClaim" \notin Off
    /\ part' = [part EXCEPT ![h] = "Arrived"]
    /\ UNCHANGED <<groupVars, leaseVars, lockVars, leader, op, mail, failed, imageVars, closureVars,
                   poisoned>>

\* Epoch 1 is complete.  The operation goes to every mailbox, and the write
\* lock becomes a read lock of all in the same step.
\* In Go: coord.Member.broadcast
Broadcast(g) ==
    /\ Usable
    /\ stage[g] = "Published"
    /\ \A h \in Participants : part[h] = "Arrived"
    /\ mail' = [h \in Groups |-> IF h \in Participants THEN Append(mail[h], op) ELSE mail[h]]
    /\ writer' = None
    /\ readers' = (IF "Downgrade" \in Off THEN {} ELSE Participants \cup {g})
    /\ holder' = (IF "LeaseUntilCommit" \in Off THEN None ELSE holder)
    /\ stage' = [stage EXCEPT ![g] = "Replaying"]
    /\ UNCHANGED <<mode, leaseQueue, stateQueue, leader, op, part, failed, imageVars, closureVars,
                   poisoned>>

\* h (or the leader for h) replays the operation, then waits at epoch 2.
\* In Go: coord.Coordinator.serve
Apply(h) ==
    /\ Usable
    /\ mail[h] # <<>>
    /\ view' = [view EXCEPT ![h] = Append(view[h], Head(mail[h]))]
    /\ mail' = [mail EXCEPT ![h] = Tail(mail[h])]
    /\ part' = [part EXCEPT ![h] = IF "GoOnTogether" \in Off THEN "None" ELSE "Applied"]
    /\ readers' = (IF "GoOnTogether" \in Off THEN readers \ {h} ELSE readers)
    /\ UNCHANGED <<groupVars, leaseVars, stateQueue, writer, leader, op, failed, log, closureVars,
                   poisoned>>

\* Every participant has applied: the operation becomes visible.  This is its
\* linearization point.
\* In Go: coord.Coordinator.decide
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
\* In Go: coord.Coordinator.fail
FailApply(h) ==
    /\ Usable
    /\ "FailApply" \in Features
    /\ mail[h] # <<>>
    /\ mail' = [mail EXCEPT ![h] = Tail(mail[h])]
    /\ part' = [part EXCEPT ![h] = "Failed"]
    /\ failed' = TRUE
    /\ UNCHANGED <<groupVars, leaseVars, lockVars, leader, op, imageVars, closureVars, poisoned>>

\* Every participant has tried, one has failed: h takes the operation back.
\* In Go: coord.Coordinator.serve
Undo(h) ==
    /\ Usable
    /\ failed
    /\ part[h] = "Applied"
    /\ \A k \in Participants : part[k] # "Arrived"
    /\ view' = [view EXCEPT ![h] = Front(view[h])]
    /\ part' = [part EXCEPT ![h] = "Undone"]
    /\ UNCHANGED <<groupVars, leaseVars, lockVars, leader, op, mail, failed, log, closureVars,
                   poisoned>>

\* h cannot take it back: the tables differ now, and no group can mend that.
\* In Go: coord.Coordinator.serve
FailUndo(h) ==
    /\ Usable
    /\ "FailUndo" \in Features
    /\ failed
    /\ part[h] = "Applied"
    /\ \A k \in Participants : part[k] # "Arrived"
    /\ poisoned' = TRUE
    /\ UNCHANGED <<groupVars, leaseVars, lockVars, operationVars, imageVars, closureVars>>

\* Every participant has failed or undone: the leader undoes its own work; all is as before.
\* In Go: coord.Coordinator.rollback, coord.Member.takenBack
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
    /\ UNCHANGED <<leaseQueue, stateQueue, writer, mail, log, closureVars, poisoned>>

\* The leader cannot take its own work back.
\* In Go: coord.Coordinator.rollback
FailRollback(g) ==
    /\ Usable
    /\ "FailUndo" \in Features
    /\ stage[g] = "Replaying"
    /\ failed
    /\ mode[g] = "Running"
    /\ \A h \in Participants : part[h] \in {"Failed", "Undone"}
    /\ poisoned' = TRUE
    /\ UNCHANGED <<groupVars, leaseVars, lockVars, operationVars, imageVars, closureVars>>

(***************************************************************************)
(* The log is what the proof is about, not something that runs: once it is *)
(* full and every group has all of it, it becomes the new base image.      *)
(***************************************************************************)
\* In Go: coord.Coordinator.worked
Checkpoint ==
    /\ Usable
    /\ Len(log) = MaxLog
    /\ \A g \in Groups : ~Ahead(g)
    /\ log' = <<>>
    /\ view' = [g \in Groups |-> <<>>]
    /\ UNCHANGED <<groupVars, leaseVars, lockVars, operationVars, closureVars, poisoned>>
=============================================================================
