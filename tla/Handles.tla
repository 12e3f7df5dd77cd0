------------------------------ MODULE Handles -------------------------------
(***************************************************************************)
(* Handles of a library, and how it is unloaded.                           *)
(*                                                                         *)
(* A library is loaded while a handle counts, while a group has thread-    *)
(* local data of it that has a destructor, and while a destructor of it    *)
(* runs.  Every action here that looks at several of these is one link     *)
(* operation, which LinkerSync makes atomic.  What lies between two        *)
(* operations of a call is here: the first look at a handle, which takes   *)
(* no lock, and the destructors, which run with no lock held.              *)
(*                                                                         *)
(* When the last handle is given up and there is something to be run, the  *)
(* closing has three parts.  An operation hides the library, so that its   *)
(* name finds nothing; its destructors run; another operation looks again  *)
(* whether it is unused, and takes it out.  Meanwhile other groups run its *)
(* code through function pointers, and register destructors.  A library    *)
(* that is opened again meanwhile is another copy.                         *)
(***************************************************************************)
EXTENDS Naturals, FiniteSets

CONSTANTS
    Groups,     \* the groups, each with a goroutine in it
    Handles,    \* the handles that are ever handed out
    MaxCopies,  \* how often the library can be loaded
    MaxLate,    \* how many destructors can be registered with a library that is hidden
    None,       \* no group, no handle
    Features,   \* which of "Die" can happen
    Off         \* rules that are not kept; {} is the code

VARIABLES
    phase,      \* [Copies -> "New", "Loaded", "Hidden" (no name leads to it), "Unloaded"]
    count,      \* [Copies -> the number that says how many handles there are]
    of,         \* [Handles -> the copy that it leads to; 0: not handed out yet]
    given,      \* the handles that were given up
    owed,       \* the copies that have registered a destructor which has not begun
    local,      \* [Groups -> the copies of which it has thread-local data with a destructor]
    closer,     \* [Copies -> the group whose call runs its destructors, or None]
    runs,       \* [Groups -> the copy of which a destructor runs in it; 0: none]
    step,       \* [Groups -> "Idle", "Using" and "Closing" (has looked at its handle once),
                \* "Used", "Destroying" (what it closes), "Ending" (its thread-local data)]
    arg,        \* [Groups -> the handle of its call, or None]
    late        \* how many destructors can still be registered late

handleVars == <<phase, count, of, given, owed, local, closer, runs, step, arg, late>>

Copies == 1..MaxCopies

Init ==
    /\ phase = [c \in Copies |-> "New"]
    /\ count = [c \in Copies |-> 0]
    /\ of = [h \in Handles |-> 0]
    /\ given = {}
    /\ owed = {}
    /\ local = [g \in Groups |-> {}]
    /\ closer = [c \in Copies |-> None]
    /\ runs = [g \in Groups |-> 0]
    /\ step = [g \in Groups |-> "Idle"]
    /\ arg = [g \in Groups |-> None]
    /\ late = MaxLate

Open(h) == of[h] # 0 /\ h \notin given

InImage(c) == phase[c] \in {"Loaded", "Hidden"}

\* What keeps c from an operation of g, besides handles: thread-local data of other groups, a
\* destructor that runs, another call that closes it.
Held(g, c) ==
    \/ \E k \in Groups \ {g} : c \in local[k] /\ "ThreadsHold" \notin Off
    \/ \E k \in Groups : runs[k] = c /\ "RunningHolds" \notin Off
    \/ closer[c] \notin {None, g} /\ "OneCloser" \notin Off

Unused(g, counts) == {c \in Copies : InImage(c) /\ counts[c] = 0 /\ ~Held(g, c)}

\* The end of an operation of g that unloads what is not used: at once, if nothing has to be run,
\* otherwise it only hides it.
Settle(g, counts) ==
    LET gone == Unused(g, counts)
        first == \E c \in gone : c \in owed \/ c \in local[g]
    IN  /\ phase' = [c \in Copies |-> IF c \notin gone THEN phase[c]
                                      ELSE IF ~first THEN "Unloaded"
                                      ELSE IF "HidesFirst" \in Off THEN phase[c] ELSE "Hidden"]
        /\ closer' = [c \in Copies |-> IF c \in gone /\ first THEN g
                                       ELSE IF closer[c] = g THEN None ELSE closer[c]]
        /\ step' = [step EXCEPT ![g] = IF first THEN "Destroying" ELSE "Idle"]

(***************************************************************************)
(* Opening, using, closing                                                 *)
(***************************************************************************)

\* The copies that a group can have by the library's name; one of them may have to be made.
Named ==
    LET loaded == {d \in Copies : phase[d] = "Loaded"}
        hidden == {d \in Copies :
                       phase[d] = "Hidden" /\ Off \cap {"HiddenHasNoName", "HiddenStays"} # {}}
        found == IF loaded # {} THEN loaded ELSE hidden
        fresh == {d \in Copies : phase[d] = "New" /\ \A e \in 1..(d - 1) : phase[e] # "New"}
    IN  IF found = {} \/ "OpenLooksTwice" \in Off THEN found \cup fresh ELSE found

\* g opens the library: the copy that its name leads to, or a new one, whose constructor registers
\* a destructor.
\* In Go: linker.Group.Open
OpenLibrary(g, h, c) ==
    /\ step[g] = "Idle"
    /\ of[h] = 0
    /\ c \in Named
    /\ of' = [of EXCEPT ![h] = c]
    /\ count' = [count EXCEPT ![c] = count[c] + 1]
    /\ phase' = (IF "HiddenHasNoName" \in Off /\ phase[c] = "Hidden" THEN phase
                 ELSE [phase EXCEPT ![c] = "Loaded"])
    /\ closer' = (IF "HiddenStays" \in Off THEN [closer EXCEPT ![c] = None] ELSE closer)
    /\ owed' = (IF phase[c] = "New" THEN owed \cup {c} ELSE owed)
    /\ UNCHANGED <<given, local, runs, step, arg, late>>

\* g has looked at a handle, and will use it, or give it up.
\* In Go: linker.Library.closedIn, linker.Linker.closable
Look(g, h) ==
    /\ step[g] = "Idle"
    /\ of[h] # 0
    /\ h \notin given
    /\ step' \in {[step EXCEPT ![g] = "Using"], [step EXCEPT ![g] = "Closing"]}
    /\ arg' = [arg EXCEPT ![g] = h]
    /\ UNCHANGED <<phase, count, of, given, owed, local, closer, runs, late>>

\* The second look: g finds a symbol through its handle, or learns that it was given up.
\* In Go: linker.Group.Symbol
Use(g) ==
    /\ step[g] = "Using"
    /\ step' = [step EXCEPT ![g] =
                   IF arg[g] \in given /\ "UseLooksTwice" \notin Off THEN "Idle" ELSE "Used"]
    /\ UNCHANGED <<phase, count, of, given, owed, local, closer, runs, arg, late>>

\* g's call returns; code of the library may have registered a destructor of thread-local data.
\* In Go: linker.Group.Call
Return(g) ==
    /\ step[g] = "Used"
    /\ step' = [step EXCEPT ![g] = "Idle"]
    /\ local' \in {local} \cup
           (IF phase[of[arg[g]]] = "Loaded"
            THEN {[local EXCEPT ![g] = local[g] \cup {of[arg[g]]}]} ELSE {})
    /\ UNCHANGED <<phase, count, of, given, owed, closer, runs, arg, late>>

\* The second look: g gives its handle up, or learns that another group has.
\* In Go: linker.Group.CloseLibrary
Close(g) ==
    /\ step[g] = "Closing"
    /\ IF arg[g] \in given /\ "CloseLooksTwice" \notin Off
       THEN step' = [step EXCEPT ![g] = "Idle"] /\ UNCHANGED <<phase, count, given, closer>>
       ELSE LET c == of[arg[g]]
                counts == [count EXCEPT ![c] = IF count[c] = 0 THEN 0 ELSE count[c] - 1]
            IN  /\ given' = given \cup {arg[g]}
                /\ count' = counts
                /\ Settle(g, counts)
    /\ UNCHANGED <<of, owed, local, runs, arg, late>>

(***************************************************************************)
(* Destructors                                                             *)
(***************************************************************************)

\* g runs code of a hidden library, through a function pointer that it has kept: the code registers
\* a destructor of thread-local data.
\* In Go: linker.Linker.registerThreadExit
Register(g, c) ==
    /\ step[g] \in {"Idle", "Destroying"}
    /\ phase[c] = "Hidden"
    /\ c \notin local[g]
    /\ late > 0
    /\ late' = late - 1
    /\ local' = [local EXCEPT ![g] = local[g] \cup {c}]
    /\ UNCHANGED <<phase, count, of, given, owed, closer, runs, step, arg>>

\* g takes a destructor of thread-local data out of the registry and calls it: of what it closes,
\* or of all, when its thread ends.
\* In Go: dtor.Registry.PopThread
CallLocal(g, c) ==
    /\ step[g] = "Ending" \/ (step[g] = "Destroying" /\ closer[c] = g)
    /\ runs[g] = 0
    /\ c \in local[g]
    /\ local' = [local EXCEPT ![g] = local[g] \ {c}]
    /\ runs' = [runs EXCEPT ![g] = c]
    /\ UNCHANGED <<phase, count, of, given, owed, closer, step, arg, late>>

\* g takes a destructor of a library that it closes, and calls it.
\* In Go: dtor.Registry.Pop
CallOwed(g, c) ==
    /\ step[g] = "Destroying"
    /\ closer[c] = g
    /\ runs[g] = 0
    /\ c \in owed
    /\ c \notin local[g]
    /\ owed' = owed \ {c}
    /\ runs' = [runs EXCEPT ![g] = c]
    /\ UNCHANGED <<phase, count, of, given, local, closer, step, arg, late>>

\* The destructor has returned.
\* In Go: dtor.Registry.Done
Returned(g) ==
    /\ runs[g] # 0
    /\ runs' = [runs EXCEPT ![g] = 0]
    /\ UNCHANGED <<phase, count, of, given, owed, local, closer, step, arg, late>>

\* Nothing is left to be run of what g closes.  The operation looks again.
\* In Go: linker.Group.unload
Finish(g) ==
    /\ step[g] = "Destroying"
    /\ runs[g] = 0
    /\ \A c \in Copies : closer[c] = g => (c \notin owed /\ c \notin local[g])
    /\ "WaitsForNone" \in Off =>
           (\A c \in Copies : (closer[c] = g => (\A k \in Groups : c \notin local[k])))
    /\ IF "LooksAgain" \in Off
       THEN /\ phase' = [c \in Copies |-> IF closer[c] = g THEN "Unloaded" ELSE phase[c]]
            /\ closer' = [c \in Copies |-> IF closer[c] = g THEN None ELSE closer[c]]
            /\ step' = [step EXCEPT ![g] = "Idle"]
       ELSE Settle(g, count)
    /\ UNCHANGED <<count, of, given, owed, local, runs, arg, late>>

\* g's thread ends: its destructors run.
\* In Go: linker.Group.endThread
End(g) ==
    /\ step[g] = "Idle"
    /\ local[g] # {}
    /\ step' = [step EXCEPT ![g] = "Ending"]
    /\ UNCHANGED <<phase, count, of, given, owed, local, closer, runs, arg, late>>

\* None is left: what was held by them alone is unloaded.
\* In Go: linker.Group.endThread
Ended(g) ==
    /\ step[g] = "Ending"
    /\ runs[g] = 0
    /\ local[g] = {}
    /\ IF "EndLooks" \in Off
       THEN step' = [step EXCEPT ![g] = "Idle"] /\ UNCHANGED <<phase, closer>>
       ELSE Settle(g, count)
    /\ UNCHANGED <<count, of, given, owed, local, runs, arg, late>>

\* g dies: nothing of it runs any more.  What it was closing is left to the next call that unloads
\* something.  Another group takes its place.
\* In Go: linker.Group.die
Die(g) ==
    /\ "Die" \in Features
    /\ local' = [local EXCEPT ![g] = {}]
    /\ runs' = [runs EXCEPT ![g] = 0]
    /\ step' = [step EXCEPT ![g] = "Idle"]
    /\ closer' = [c \in Copies |-> IF closer[c] = g THEN None ELSE closer[c]]
    /\ UNCHANGED <<phase, count, of, given, owed, arg, late>>

Next ==
    \/ \E g \in Groups : \E h \in Handles : \E c \in Copies : OpenLibrary(g, h, c)
    \/ \E g \in Groups : \E h \in Handles : Look(g, h)
    \/ \E g \in Groups : Use(g) \/ Return(g) \/ Close(g)
    \/ \E g \in Groups : \E c \in Copies : Register(g, c) \/ CallLocal(g, c) \/ CallOwed(g, c)
    \/ \E g \in Groups : Returned(g) \/ Finish(g) \/ End(g) \/ Ended(g) \/ Die(g)

HandleSpec == Init /\ [][Next]_handleVars

\* A call goes on, and so does a destructor.  No group has to open, to use or to close anything,
\* nor to end.
FairHandleSpec ==
    /\ HandleSpec
    /\ \A g \in Groups :
        /\ WF_handleVars(Use(g) \/ Return(g) \/ Close(g))
        /\ WF_handleVars(\E c \in Copies : CallLocal(g, c) \/ CallOwed(g, c))
        /\ WF_handleVars(Returned(g))
        /\ WF_handleVars(Finish(g) \/ Ended(g))

(***************************************************************************)
(* What holds                                                              *)
(***************************************************************************)

\* The count of a copy is the number of its handles that were not given up.
CountsAreHandles ==
    \A c \in Copies : count[c] = Cardinality({h \in Handles : of[h] = c /\ h \notin given})

\* A handle that was not given up leads to a library that is loaded.
OpenMeansLoaded == \A h \in Handles : (Open(h) => (phase[of[h]] = "Loaded"))

\* A name leads to one copy.
OneIsFound == Cardinality({c \in Copies : phase[c] = "Loaded"}) <= 1

\* What was unloaded is not used: by a handle, by thread-local data, by a destructor.
UnloadedIsUnused ==
    \A c \in Copies : (phase[c] = "Unloaded" =>
        (count[c] = 0 /\ c \notin owed /\ \A g \in Groups : c \notin local[g]))

\* No library is taken out under a destructor of it that runs.
RunsInTheImage == \A g \in Groups : (runs[g] # 0 => InImage(runs[g]))

\* One call at a time closes a library, and it is hidden meanwhile.
ClosersDestroy ==
    \A c \in Copies : (closer[c] # None => (phase[c] = "Hidden" /\ step[closer[c]] = "Destroying"))

\* While a library's destructors run, no other group takes it over.
ClosedByOne ==
    [][\A c \in Copies : (closer[c] # None => (closer'[c] \in {closer[c], None}))]_closer

\* What is found through a handle is in a library that is loaded.
UsesAreOfLoaded ==
    [][\A g \in Groups :
        ((step[g] = "Using" /\ step'[g] = "Used") => (phase[of[arg[g]]] = "Loaded"))]_step

\* A library that no name leads to is never found again: a library that is opened again is another
\* copy.
NothingComesBack ==
    [][\A c \in Copies :
        /\ phase[c] = "Hidden" => phase'[c] \in {"Hidden", "Unloaded"}
        /\ phase[c] = "Unloaded" => phase'[c] = "Unloaded"]_phase

\* Every call that closes a library ends, and the thread that ends does.
ClosingEnds == \A g \in Groups :
    ((step[g] \in {"Closing", "Destroying", "Ending"}) ~> (step[g] = "Idle"))

\* A library that is hidden is unloaded in the end, where no group dies, unless thread-local data of
\* a group holds it.
HiddenEnds == \A c \in Copies :
    ((phase[c] = "Hidden") ~>
        (phase[c] = "Unloaded" \/ \E g \in Groups : c \in local[g]))
=============================================================================
