----------------------------- MODULE LinkerProof -----------------------------
(***************************************************************************)
(* What a proof of LinkerSync needs besides its text: for any number of    *)
(* groups, any constants, and sequences of any length.                     *)
(*                                                                         *)
(* A model checker visits the states that can be reached.  A proof by      *)
(* induction asks of every state at all in which the invariants hold, ever *)
(* reached or not, whether each step leads to such a state again.  That is *)
(* true only if the invariants say enough; the lemmas below say the rest.  *)
(* They are invariants like the others: TLC checks them (MCproof.cfg), and *)
(* tla/proof translates all of it for z3.  See spec/proof.md, and          *)
(* go run ./tla/cmd/tlc prove                                              *)
(***************************************************************************)
EXTENDS LinkerSync

(***************************************************************************)
(* What the constants must be.                                             *)
(***************************************************************************)
ConstantsFit ==
    /\ None \notin Groups
    /\ Initial \subseteq Groups
    /\ MaxLog >= 0
    /\ Batch >= 0
    /\ MaxTable >= 0

ASSUME ConstantsFit

(***************************************************************************)
(* What the proof takes for granted of sequences: for z3 they are elements *)
(* of which nothing else is known.  TLC checks each fact on all sequences  *)
(* of up to four elements.                                                 *)
(***************************************************************************)

\* No element stands in q twice.
Distinct(q) == Len(q) = Cardinality(Range(q))

\* S are sequences of elements of E.
SequenceFacts(S, E) ==
    /\ \A s \in S : Len(s) >= 0
    /\ \A s \in S : ((Len(s) = 0) = (s = <<>>))
    /\ \A s \in S : ((s = <<>>) => Distinct(s))
    /\ \A s \in S : \A e \in E : ((s = <<>>) => (e \notin Range(s)))
    /\ \A s \in S : \A i \in 1..Len(s) : (s[i] \in Range(s))
    /\ \A s \in S : \A e \in E : (Len(Append(s, e)) = Len(s) + 1)
    /\ \A s \in S : \A e \in E : (Front(Append(s, e)) = s)
    /\ \A s \in S : \A e \in E : \A x \in E :
           ((x \in Range(Append(s, e))) = (x \in Range(s) \/ x = e))
    /\ \A s \in S : \A e \in E : (Distinct(Append(s, e)) = (Distinct(s) /\ e \notin Range(s)))
    /\ \A s \in S : \A e \in E : \A i \in 1..Len(Append(s, e)) :
           (Append(s, e)[i] = (IF i = Len(s) + 1 THEN e ELSE s[i]))
    /\ \A s \in S : ((s # <<>>) => (Len(Tail(s)) = Len(s) - 1))
    /\ \A s \in S : \A e \in E : (e \notin Range(s) => (Without(s, e) = s))
    /\ \A s \in S : \A e \in E : \A x \in E :
           (Distinct(s) => ((x \in Range(Without(s, e))) = (x \in Range(s) /\ x # e)))
    /\ \A s \in S : \A e \in E : (Distinct(s) => Distinct(Without(s, e)))

ShortSequences == UNION {[1..n -> 1..3] : n \in 0..4}

ASSUME SequenceFacts(ShortSequences, 1..3)

(***************************************************************************)
(* Lemmas                                                                  *)
(***************************************************************************)

\* A group that has begun to work on an operation has the lease.
WorkNeedsLease == \A g \in Groups : ((stage[g] = "Worked") => (holder = g))

\* The leader is the one group whose operation is published; it holds the state
\* lock until it broadcasts, and not after.
LeaderLeads ==
    /\ (leader # None) => (stage[leader] \in {"Published", "Replaying"})
    /\ \A g \in Groups : ((stage[g] \in {"Published", "Replaying"}) => (leader = g))
    /\ \A g \in Groups : ((stage[g] = "Replaying") => (writer = None))

\* Only a group that runs asks for the lease or leads; only children are built.
StagesFitModes == \A g \in Groups :
    /\ (stage[g] \in {"WaitLease", "Worked", "Published"}) => (mode[g] = "Running")
    /\ (stage[g] = "Replaying") => (mode[g] \in {"Running", "Gone"})
    /\ (stage[g] \in {"Leased", "WaitState", "Locked"}) => (mode[g] \in {"Running", "Building"})

\* A child that is built, and not attached yet, has what is committed, however long it waits.
ChildIsUpToDate ==
    \A g \in Groups :
        ((mode[g] = "Building" /\ stage[g] \in {"WaitState", "Locked"}) => (view[g] = log))

\* A part is as far as the operation is: before the broadcast no group has more
\* than arrived, and behind it none has less.
PartsFitEpochs == \A g \in Groups :
    /\ (part[g] = "Expected") => Pending
    /\ (part[g] \in {"Applied", "Failed", "Undone"}) => ~Pending
    /\ (part[g] = "Arrived" /\ ~Pending) => (mail[g] # <<>>)

\* A group that takes part has no locks: it is idle or waits.
ParticipantsWait ==
    \A g \in Groups :
        ((part[g] # "None") => (stage[g] \in {"Idle", "WaitLease", "WaitState"}))

\* A replay that failed is remembered until it is over.
FailureIsRemembered ==
    /\ \A g \in Groups : ((part[g] \in {"Failed", "Undone"}) => failed)
    /\ failed => (leader # None /\ ~Pending)

\* No group takes anything back before all have tried.
UndoComesLast == (\E g \in Groups : part[g] = "Undone") => (\A h \in Groups : part[h] # "Arrived")

\* There is room in the log and in the table for the operation that is being
\* worked on, and it is still to be done.
OpHasRoom == (op # <<>>) =>
    /\ Len(log) < MaxLog
    /\ (op[1] = "AllocateFunctionTable") => (table + Batch <= MaxTable)
    /\ (op[1] # "AllocateFunctionTable") => (op \notin Range(log))

==============================================================================
