------------------------------ MODULE Pointers ------------------------------
(***************************************************************************)
(* Entries of the function table, which are function pointers that guests  *)
(* may have kept: the quarantine of those that are given back.             *)
(*                                                                         *)
(* A library that is unloaded gives its entry back.  Calling that traps    *)
(* then, for as long as the entry rests.  The library that had it gets it  *)
(* again when it comes back.  Another one gets it only when Keep entries   *)
(* were given back after it, or when the table cannot grow.                *)
(*                                                                         *)
(* The room is linker/internal/table, and this is its complete behaviour   *)
(* for entries that are asked for one by one, so that none is free but     *)
(* those that rest: the graph of the states that Quarantine.Take and       *)
(* Quarantine.Retire reach is the graph that TLC finds (tla/graphs.json,   *)
(* table.TestGraphIsTLCs).                                                 *)
(***************************************************************************)
EXTENDS Naturals, Sequences, FiniteSets

CONSTANTS
    Libraries,  \* how many libraries there are: 1..Libraries
    Keep,       \* how many entries the quarantine keeps
    Max,        \* how many entries the table can have; entry 0 is null and not counted
    Off         \* rules that are not kept; {} is the code

VARIABLES
    size,       \* how many entries there are
    resting,    \* the entries in quarantine, each with its library, the longest first
    has,        \* [libraries -> the entry that it has; 0: it is not loaded]
    kept,       \* [libraries -> the entry that it had last, to which guests may have kept pointers]
    after       \* [entries -> how many were given back after it, up to Keep]

pointerVars == <<size, resting, has, kept, after>>

Init ==
    /\ size = 0
    /\ resting = <<>>
    /\ has = [l \in 1..Libraries |-> 0]
    /\ kept = [l \in 1..Libraries |-> 0]
    /\ after = [e \in 1..Max |-> Keep]

\* Where library l's own entry rests; 0: nowhere.
Home(l) ==
    IF \E i \in 1..Len(resting) : resting[i][2] = l
    THEN CHOOSE i \in 1..Len(resting) : resting[i][2] = l
    ELSE 0

Cut(q, i) == SubSeq(q, 1, i - 1) \o SubSeq(q, i + 1, Len(q))

\* Library l is loaded, with an entry e.
Gets(l, e) ==
    /\ has' = [has EXCEPT ![l] = e]
    /\ kept' = [kept EXCEPT ![l] = e]
    /\ UNCHANGED after

\* l is loaded: it comes back, or gets an entry whose rest is over, or a new one, or, when the
\* table cannot grow, the one that has rested longest.
\* In Go: table.Quarantine.Take
Take(l) ==
    /\ has[l] = 0
    /\ IF Home(l) # 0 /\ "OwnerFirst" \notin Off
       THEN /\ Gets(l, resting[Home(l)][1])
            /\ resting' = (IF "RestEnds" \in Off THEN resting ELSE Cut(resting, Home(l)))
            /\ UNCHANGED size
       ELSE IF resting # <<>> /\ (Len(resting) > Keep \/ size = Max \/ "Rest" \in Off)
       THEN LET i == (IF "OldestFirst" \in Off THEN Len(resting) ELSE 1)
            IN  /\ Gets(l, resting[i][1])
                /\ resting' = Cut(resting, i)
                /\ UNCHANGED size
       ELSE /\ size < Max
            /\ Gets(l, size + 1)
            /\ size' = size + 1
            /\ UNCHANGED resting

\* l is unloaded.
\* In Go: table.Quarantine.Retire
Retire(l) ==
    /\ has[l] # 0
    /\ resting' = Append(resting, <<has[l], l>>)
    /\ has' = [has EXCEPT ![l] = 0]
    /\ after' = [e \in 1..Max |-> IF e = has[l] THEN 0
                                  ELSE IF after[e] < Keep THEN after[e] + 1 ELSE Keep]
    /\ UNCHANGED <<size, kept>>

Next ==
    \/ \E l \in 1..Libraries : Take(l)
    \/ \E l \in 1..Libraries : Retire(l)

PointerSpec == Init /\ [][Next]_pointerVars

(***************************************************************************)
(* What holds                                                              *)
(***************************************************************************)

\* An entry that exists is had, or rests, and only one of these, once.
EntriesAddUp ==
    /\ size = Len(resting) + Cardinality({l \in 1..Libraries : has[l] # 0})
    /\ Cardinality({has[l] : l \in 1..Libraries} \ {0})
            = Cardinality({l \in 1..Libraries : has[l] # 0})
    /\ \A l \in 1..Libraries : (has[l] # 0 =>
            (\A i \in 1..Len(resting) : (resting[i][1] # has[l])))

\* A library that comes back while its entry rests has the pointers that guests have kept.
ComesBack ==
    [][\A l \in 1..Libraries :
        ((has[l] = 0 /\ has'[l] # 0 /\ Home(l) # 0) => (has'[l] = kept[l]))]_has

\* A pointer that was kept is not another library's before Keep entries were given back after it:
\* it traps until then, unless the table is full.
StalePointersTrap ==
    [][\A l \in 1..Libraries :
        ((has[l] = 0 /\ has'[l] # 0 /\ has'[l] # kept[l] /\ size < Max) =>
            (after[has'[l]] >= Keep))]_has

\* Entries leave the quarantine in the order in which they came, but for those that go home.
InTurn ==
    [][\A i \in 1..Len(resting) :
        ((has'[resting[i][2]] = 0 /\ \E l \in 1..Libraries : has'[l] = resting[i][1]) =>
            (i = 1))]_resting
=============================================================================
