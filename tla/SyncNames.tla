----------------------------- MODULE SyncNames ------------------------------
(***************************************************************************)
(* LinkerSync with names and results, as coord and the linker have them: a *)
(* call looks first without a lock, then waits for the lease and the state *)
(* lock, looks a second time, works, and has its result when its operation *)
(* commits.  It implements LinkerNames.                                    *)
(***************************************************************************)
EXTENDS LinkerRefinement

VARIABLES wants, gave, loaded, pointer    \* as in LinkerNames

names == <<wants, gave, loaded, pointer>>

Named == INSTANCE LinkerNames WITH
    members <- Live,
    calling <- {g \in Groups : stage[g] # "Idle"},
    seen <- [g \in Groups |-> Committed(g)],
    broken <- poisoned

NamedInit ==
    /\ Init
    /\ wants = [g \in Groups |-> <<>>]
    /\ gave = [g \in Groups |-> <<>>]
    /\ loaded = {}
    /\ pointer = [n \in Tags |-> 0]

\* The first look: a symbol that has a pointer needs no operation.
\* In Go: linker.Group.Symbol
FirstLook(g, n) ==
    /\ Usable
    /\ RunsGuest(g)
    /\ pointer[n] # 0
    /\ gave' = [gave EXCEPT ![g] = <<n, pointer[n]>>]
    /\ UNCHANGED <<vars, wants, loaded, pointer>>

\* In Go: coord.Member.Link
Asks(g, o) ==
    /\ RequestLease(g)
    /\ o[1] = "ResolveFunction" => pointer[o[2]] = 0
    /\ wants' = [wants EXCEPT ![g] = o]
    /\ UNCHANGED <<gave, loaded, pointer>>

\* The second look, under both locks: another group has done the work meanwhile.
\* In Go: coord.Member.prepare
SecondLook(g) ==
    /\ UnlockState(g)
    /\ ~Named!HasEffect(wants[g])
    /\ gave' = (IF wants[g][1] = "ResolveFunction" /\ pointer[wants[g][2]] # 0
                THEN [gave EXCEPT ![g] = <<wants[g][2], pointer[wants[g][2]]>>] ELSE gave)
    /\ wants' = [wants EXCEPT ![g] = <<>>]
    /\ UNCHANGED <<loaded, pointer>>

\* In Go: coord.Coordinator.worked
Works(g) ==
    /\ wants[g] # <<>>
    /\ Named!HasEffect(wants[g]) \/ "SecondLookup" \in Off
    /\ Work(g, wants[g])
    /\ UNCHANGED names

\* The operation takes effect on names when it commits, and not before.
\* In Go: coord.Coordinator.decide
Commits(g) ==
    /\ Commit(g)
    /\ IF "UnloadForgets" \in Off /\ op[1] = "UnloadModules"
       THEN loaded' = loaded \ {op[2]} /\ UNCHANGED <<gave, pointer>>
       ELSE Named!Effect(g, op)
    /\ wants' = [wants EXCEPT ![g] = <<>>]

\* Every other step: an idle group asks for nothing, and a group that is gone has no result.
Other ==
    /\ Next
    /\ log' = log \/ log' = <<>>
    /\ \A g \in Groups :
        /\ stage[g] = "Idle" => stage'[g] = "Idle"
        /\ stage'[g] = "Worked" => stage[g] = "Worked"
    /\ wants' = [g \in Groups |-> IF stage'[g] = "Idle" THEN <<>> ELSE wants[g]]
    /\ gave' = [g \in Groups |-> IF mode'[g] = "Gone" THEN <<>> ELSE gave[g]]
    /\ UNCHANGED <<loaded, pointer>>

NamedNext ==
    \/ \E g \in Groups : \E n \in Tags : FirstLook(g, n)
    \/ \E g \in Groups : \E o \in Kinds \X Tags : Asks(g, o)
    \/ \E g \in Groups : SecondLook(g)
    \/ \E g \in Groups : Works(g)
    \/ \E g \in Groups : Commits(g)
    \/ Other

NamedSpec == NamedInit /\ [][NamedNext]_<<vars, names>>

OnePointer == Named!OnePointer

PointersAreOfLoaded == Named!PointersAreOfLoaded

ImplementsNames == Named!NamesSpec
=============================================================================
