--------------------------- MODULE LinkerResults ----------------------------
(***************************************************************************)
(* The linker as its users see it, with names, handles and the result of   *)
(* each call: what a recorded history is judged by, see                    *)
(* lincheck/specified.                                                     *)
(*                                                                         *)
(* LinkerNames leaves open when a call returns without an effect.  Here    *)
(* its result says so: a library that is open already is not loaded again, *)
(* a closing unloads what no other handle keeps, and a symbol is not found *)
(* only where its library is not open.  Each step is a step of             *)
(* LinkerNames, or one of Linker that makes a group.                       *)
(***************************************************************************)
EXTENDS LinkerNames

CONSTANT
    Handles     \* the handles that can be handed out

VARIABLE
    holds       \* the handles that are open, each with its library: <<handle, name>>

resultVars == <<linkerVars, nameVars, holds>>

ResultsInit ==
    /\ NamesInit
    /\ holds = {}

Keeps(n) == {x \in holds : x[2] = n}

IsOpen(h) == \E x \in holds : x[1] = h

(***************************************************************************)
(* A call begins                                                           *)
(***************************************************************************)

Opens(g, n) == Ask(g, <<"LoadModules", n>>) /\ UNCHANGED holds

Closes(g, n) == Ask(g, <<"UnloadModules", n>>) /\ UNCHANGED holds

LooksUp(g, n) == Ask(g, <<"ResolveFunction", n>>) /\ UNCHANGED holds

Calls(g) == Call(g) /\ UNCHANGED <<nameVars, holds>>

(***************************************************************************)
(* A call ends, with a result                                              *)
(***************************************************************************)

\* The library is open: g has handle h, and only the first loads anything.
Opened(g, h) ==
    /\ wants[g] # <<>>
    /\ wants[g][1] = "LoadModules"
    /\ ~IsOpen(h)
    /\ IF wants[g][2] \in loaded THEN Answer(g) ELSE Perform(g)
    /\ holds' = holds \cup {<<h, wants[g][2]>>}

\* It was to be opened only if it is loaded.
Reopened(g, h) ==
    /\ wants[g] # <<>>
    /\ wants[g][2] \in loaded
    /\ Opened(g, h)

\* What was not to be loaded is not loaded.
NotLoaded(g) ==
    /\ wants[g] # <<>>
    /\ wants[g][1] = "LoadModules"
    /\ wants[g][2] \notin loaded
    /\ Answer(g)
    /\ UNCHANGED holds

\* Handle h is closed: the last one unloads.
Closed(g, h) ==
    /\ wants[g] # <<>>
    /\ wants[g][1] = "UnloadModules"
    /\ <<h, wants[g][2]>> \in holds
    /\ IF Keeps(wants[g][2]) = {<<h, wants[g][2]>>} THEN Perform(g) ELSE Answer(g)
    /\ holds' = holds \ {<<h, wants[g][2]>>}

\* The symbol has pointer p, as before, or from now on: one that no other symbol has.
Found(g, h, p) ==
    /\ wants[g] # <<>>
    /\ wants[g][1] = "ResolveFunction"
    /\ <<h, wants[g][2]>> \in holds
    /\ \A n \in Tags \ {wants[g][2]} : pointer[n] # p
    /\ IF pointer[wants[g][2]] = 0 THEN Perform(g) ELSE Answer(g)
    /\ gave'[g] = <<wants[g][2], p>>
    /\ UNCHANGED holds

\* Handle h leads to another library, which has no such symbol.
Missing(g, h) ==
    /\ wants[g] # <<>>
    /\ wants[g][1] = "ResolveFunction"
    /\ IsOpen(h)
    /\ <<h, wants[g][2]>> \notin holds
    /\ Answer(g)
    /\ gave' = gave
    /\ UNCHANGED holds

\* Handle h is not open, or not any more.
BadHandle(g, h) ==
    /\ ~IsOpen(h)
    /\ Answer(g)
    /\ gave' = gave
    /\ UNCHANGED holds

\* g is no group, or not any more: its call does not begin.
NoGroup(g) ==
    /\ g \notin members
    /\ UNCHANGED resultVars

(***************************************************************************)
(* Groups come and go                                                      *)
(***************************************************************************)

Spawns(g, c) ==
    /\ wants[g] = <<>>
    /\ Spawn(g, c)
    /\ UNCHANGED <<nameVars, holds>>

Joins(c) ==
    /\ wants[c] = <<>>
    /\ Join(c)
    /\ UNCHANGED <<nameVars, holds>>

Leaves(g) == Die(g) /\ UNCHANGED holds

Breaks == Break /\ UNCHANGED <<nameVars, holds>>

Forgets == Forget /\ UNCHANGED <<nameVars, holds>>

ResultsNext ==
    /\ ~broken
    /\ \/ \E g \in Groups : \E n \in Tags : Opens(g, n) \/ Closes(g, n) \/ LooksUp(g, n)
       \/ \E g \in Groups : Calls(g)
       \/ \E g \in Groups : \E h \in Handles : Opened(g, h) \/ Closed(g, h)
       \/ \E g \in Groups : \E h \in Handles : Missing(g, h) \/ BadHandle(g, h)
       \/ \E g \in Groups : \E h \in Handles : \E p \in Pointers : Found(g, h, p)
       \/ \E g \in Groups : NotLoaded(g) \/ Leaves(g)
       \/ \E g \in Groups : \E c \in Groups : Spawns(g, c)
       \/ \E c \in Groups : Joins(c)
       \/ Breaks
       \/ Forgets

ResultsSpec == ResultsInit /\ [][ResultsNext]_resultVars

(***************************************************************************)
(* What holds                                                              *)
(***************************************************************************)

\* A library is loaded while a handle keeps it, and not longer.
KeptIsLoaded == \A n \in Tags : (n \in loaded <=> Keeps(n) # {})

\* A handle leads to one library.
HandlesAreOfOne == \A x \in holds : \A y \in holds : (x[1] = y[1] => x = y)

\* Two symbols have two pointers.
PointersDiffer ==
    \A m \in Tags : \A n \in Tags : ((pointer[m] # 0 /\ pointer[m] = pointer[n]) => m = n)

\* Each step is one of the linker with names, or a call that makes a group.
StepsAreOfNames ==
    [][\/ NamesNext
       \/ \E g \in Groups : Call(g) /\ UNCHANGED nameVars
       \/ \E g \in Groups : \E c \in Groups : Spawn(g, c) /\ UNCHANGED nameVars
       \/ \E c \in Groups : Join(c) /\ UNCHANGED nameVars]_<<linkerVars, nameVars>>

ResultsImplement == Spec
=============================================================================
