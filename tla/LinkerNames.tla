---------------------------- MODULE LinkerNames -----------------------------
(***************************************************************************)
(* The linker as its users see it, with names and results.                 *)
(*                                                                         *)
(* Linker says that an operation takes effect in all groups at once.  Here *)
(* an operation opens or closes a library, or asks for the pointer of its  *)
(* symbol, and the call has a result.  One symbol has one pointer, for     *)
(* every group that asks, until it is unloaded (OnePointer).               *)
(*                                                                         *)
(* Each step is a step of Linker: what is here is LinkerSync's promise     *)
(* too, see SyncNames, and model.Sequential is the same in Go.             *)
(***************************************************************************)
EXTENDS Linker

\* Names are the tags; "LoadModules" opens, "ResolveFunction" asks, "UnloadModules" closes.
VARIABLES
    wants,      \* [Groups -> what its call asks for, <<kind, name>>; <<>>: it does not call]
    gave,       \* [Groups -> the pointer that it was given last, <<name, pointer>>, or <<>>]
    loaded,     \* the names whose libraries are loaded
    pointer     \* [Tags -> the pointer of the name's symbol, one of Pointers; 0: it has none yet]

nameVars == <<wants, gave, loaded, pointer>>

\* A symbol can have any pointer when it is asked for first, and again when it comes back.
Pointers == 1..2

NamesInit ==
    /\ Init
    /\ wants = [g \in Groups |-> <<>>]
    /\ gave = [g \in Groups |-> <<>>]
    /\ loaded = {}
    /\ pointer = [n \in Tags |-> 0]

\* Whether an operation has something to do.
HasEffect(o) ==
    \/ o[1] = "LoadModules" /\ o[2] \notin loaded
    \/ o[1] = "ResolveFunction" /\ o[2] \in loaded /\ pointer[o[2]] = 0
    \/ o[1] = "UnloadModules" /\ o[2] \in loaded

\* What operation o does to names, as g's: the result is g's, if it is still there.
Effect(g, o) ==
    LET n == o[2] IN
        IF o[1] = "LoadModules"
        THEN loaded' = loaded \cup {n} /\ UNCHANGED <<gave, pointer>>
        ELSE IF o[1] = "UnloadModules"
        THEN /\ loaded' = loaded \ {n}
             /\ pointer' = [pointer EXCEPT ![n] = 0]
             /\ gave' = [h \in Groups |->
                            IF gave[h] # <<>> /\ gave[h][1] = n THEN <<>> ELSE gave[h]]
        ELSE /\ \E p \in Pointers : pointer' = [pointer EXCEPT ![n] = p]
             /\ gave' = (IF g \in members THEN [gave EXCEPT ![g] = <<n, pointer'[n]>>] ELSE gave)
             /\ UNCHANGED loaded

\* g calls.
Ask(g, o) ==
    /\ Call(g)
    /\ wants' = [wants EXCEPT ![g] = o]
    /\ UNCHANGED <<gave, loaded, pointer>>

\* g asks for a symbol that has a pointer, and has it: it takes no lock.
Look(g, n) ==
    /\ g \in members \ calling
    /\ pointer[n] # 0
    /\ gave' = [gave EXCEPT ![g] = <<n, pointer[n]>>]
    /\ UNCHANGED <<linkerVars, wants, loaded, pointer>>

\* g's call returns without an effect: with the pointer that its symbol has, or without a result.
Answer(g) ==
    /\ Return(g)
    /\ gave' \in {gave} \cup
           (IF wants[g] # <<>> /\ wants[g][1] = "ResolveFunction" /\ pointer[wants[g][2]] # 0
            THEN {[gave EXCEPT ![g] = <<wants[g][2], pointer[wants[g][2]]>>]} ELSE {})
    /\ wants' = [wants EXCEPT ![g] = <<>>]
    /\ UNCHANGED <<loaded, pointer>>

\* g's operation takes effect, and its call returns.
Perform(g) ==
    /\ wants[g] # <<>>
    /\ HasEffect(wants[g])
    /\ Link(g, wants[g])
    /\ Effect(g, wants[g])
    /\ wants' = [wants EXCEPT ![g] = <<>>]

\* g dies.  What it called may still take effect.
Die(g) ==
    /\ Leave(g)
    /\ gave' = [gave EXCEPT ![g] = <<>>]
    /\ wants' = [wants EXCEPT ![g] = IF g \in calling' THEN wants[g] ELSE <<>>]
    /\ UNCHANGED <<loaded, pointer>>

NamesNext ==
    /\ ~broken
    /\ \/ \E g \in Groups : \E o \in Operations : Ask(g, o)
       \/ \E g \in Groups : \E n \in Tags : Look(g, n)
       \/ \E g \in Groups : Answer(g)
       \/ \E g \in Groups : Perform(g)
       \/ \E g \in Groups : Die(g)
       \/ Break /\ UNCHANGED nameVars
       \/ Forget /\ UNCHANGED nameVars

NamesSpec == NamesInit /\ [][NamesNext]_<<linkerVars, nameVars>>

(***************************************************************************)
(* What holds                                                              *)
(***************************************************************************)

\* One symbol, one pointer, for every group that asks, until it is unloaded.
OnePointer ==
    \A g \in Groups : (gave[g] # <<>> => (gave[g][2] = pointer[gave[g][1]]))

\* A symbol has a pointer while its library is loaded, and not after.
PointersAreOfLoaded == \A n \in Tags : (pointer[n] # 0 => n \in loaded)

\* A pointer stays what it is until it is unloaded.
PointersStay ==
    [][\A n \in Tags : (pointer'[n] # pointer[n] => (pointer[n] = 0 \/ pointer'[n] = 0))]_pointer

\* It is a step of the linker without names.
NamesImplement == Spec
=============================================================================
