-------------------------------- MODULE Life --------------------------------
(***************************************************************************)
(* The life of a group: reserved, building, live, dying, released.         *)
(*                                                                         *)
(* LinkerSync has a group's modes.  Here is what is around them in the     *)
(* linker: the group's lock, the list of groups, and who closes a group's  *)
(* instances, and when.  A death comes from outside at any moment.  The    *)
(* goroutine that is in the group, or works for it, may be in the middle   *)
(* of its instances then.  What ends all groups (an exit of the program,   *)
(* Linker.Close) reads the list, to which a group may be added at the same *)
(* time.                                                                   *)
(***************************************************************************)
EXTENDS Naturals, FiniteSets

CONSTANTS
    Groups,     \* the groups that are ever made
    Off         \* rules that are not kept; {} is the code

VARIABLES
    state,      \* [Groups -> "None", "Reserved", "Listed" (in the list, and not built), "Live",
                \* "Released"]
    cause,      \* the groups that are dying
    instances,  \* [Groups -> "None", "Open", "Closed"]
    list,       \* the groups in the linker's list
    lock,       \* [Groups -> who has the group's lock: "None", "Builder", "Caller", "Closer"]
    works,      \* the groups in which a leader replays an operation
    ended,      \* TRUE: all groups are to end
    ender,      \* what ends all groups does next: "Say", "Read", "Kill", "Done"
    found       \* the groups that it has read

lifeVars == <<state, cause, instances, list, lock, works, ended, ender, found>>

Init ==
    /\ state = [g \in Groups |-> "None"]
    /\ cause = {}
    /\ instances = [g \in Groups |-> "None"]
    /\ list = {}
    /\ lock = [g \in Groups |-> "None"]
    /\ works = {}
    /\ ended = FALSE
    /\ ender = "Say"
    /\ found = {}

(***************************************************************************)
(* Building                                                                *)
(***************************************************************************)

\* No other goroutine can reach the group yet.  With the mistake AddedFirst, its builder asks now
\* whether all groups are to end.
\* In Go: linker.Group.Spawn
Reserve(g) ==
    /\ state[g] = "None" \/ (state[g] = "Released" /\ "ReleasedIsGone" \in Off)
    /\ "AddedFirst" \in Off => ~ended
    /\ state' = [state EXCEPT ![g] = "Reserved"]
    /\ lock' = [lock EXCEPT ![g] = "Builder"]
    /\ cause' = cause \ {g}
    /\ instances' = [instances EXCEPT ![g] = "None"]
    /\ UNCHANGED <<list, works, ended, ender, found>>

\* The group is added to the list.
\* In Go: coord.Child.Attach
Add(g) ==
    /\ state[g] = "Reserved"
    /\ state' = [state EXCEPT ![g] = "Listed"]
    /\ list' = list \cup {g}
    /\ UNCHANGED <<cause, instances, lock, works, ended, ender, found>>

\* Its builder asks whether all groups are to end, and, if not, makes the instances.
\* In Go: coord.Child.Attach
Build(g) ==
    /\ state[g] = "Listed"
    /\ lock[g] = "Builder"
    /\ instances[g] = "None"
    /\ ~ended \/ "AddedFirst" \in Off
    /\ instances' = [instances EXCEPT ![g] = "Open"]
    /\ UNCHANGED <<state, cause, list, lock, works, ended, ender, found>>

\* It is one of the groups, if it has not died meanwhile.
\* In Go: coord.Child.Attach
Attach(g) ==
    /\ state[g] = "Listed"
    /\ lock[g] = "Builder"
    /\ instances[g] = "Open"
    /\ g \notin cause
    /\ state' = [state EXCEPT ![g] = "Live"]
    /\ lock' = [lock EXCEPT ![g] = "None"]
    /\ UNCHANGED <<cause, instances, list, works, ended, ender, found>>

\* Otherwise it is discarded by its builder.
\* In Go: linker.Group.Spawn
Fail(g) ==
    /\ state[g] = "Listed"
    /\ lock[g] = "Builder"
    /\ g \in cause \/ (instances[g] = "None" /\ ended)
    /\ cause' = cause \cup {g}
    /\ lock' = [lock EXCEPT ![g] = "Closer"]
    /\ UNCHANGED <<state, instances, list, works, ended, ender, found>>

(***************************************************************************)
(* Being used                                                              *)
(***************************************************************************)

\* A goroutine takes the group's lock and goes in, if the group is not dying.
\* In Go: linker.Group.Call
Enter(g) ==
    /\ state[g] = "Live"
    /\ lock[g] = "None"
    /\ g \notin works
    /\ g \notin cause \/ "EnterLooks" \in Off
    /\ lock' = [lock EXCEPT ![g] = "Caller"]
    /\ UNCHANGED <<state, cause, instances, list, works, ended, ender, found>>

\* It goes out.  The goroutine that goes out of a dying group releases it.
\* In Go: linker.Group.Call
Leave(g) ==
    /\ lock[g] = "Caller"
    /\ lock' = [lock EXCEPT ![g] = IF g \in cause THEN "Closer" ELSE "None"]
    /\ UNCHANGED <<state, cause, instances, list, works, ended, ender, found>>

\* A leader replays an operation in a group that sleeps, and that is not dying.
\* In Go: coord.Member.Park
Work(g) ==
    /\ state[g] = "Live"
    /\ g \notin works
    /\ g \notin cause
    /\ lock[g] = "None"
    /\ works' = works \cup {g}
    /\ UNCHANGED <<state, cause, instances, list, lock, ended, ender, found>>

\* In Go: coord.Member.AwaitOut
WorkEnds(g) ==
    /\ g \in works
    /\ works' = works \ {g}
    /\ UNCHANGED <<state, cause, instances, list, lock, ended, ender, found>>

(***************************************************************************)
(* Dying                                                                   *)
(***************************************************************************)

\* The group is to die, because its guest exits or traps.
\* In Go: coord.Member.Crash
Die(g) ==
    /\ state[g] \in {"Listed", "Live"}
    /\ g \notin cause
    /\ cause' = cause \cup {g}
    /\ UNCHANGED <<state, instances, list, lock, works, ended, ender, found>>

\* A goroutine takes the lock of a dying group to release it: the next caller, or Linker.Close.
\* In Go: linker.Linker.Close
TakeOver(g) ==
    /\ state[g] = "Live"
    /\ g \in cause
    /\ lock[g] = "None"
    /\ ended \/ "NextReleases" \notin Off
    /\ lock' = [lock EXCEPT ![g] = "Closer"]
    /\ UNCHANGED <<state, cause, instances, list, works, ended, ender, found>>

\* Its instances are closed, when no goroutine works for it.
\* In Go: coord.Member.AwaitOut, linker.Group.Close
CloseInstances(g) ==
    /\ lock[g] = "Closer"
    /\ instances[g] # "Closed"
    /\ g \notin works \/ "AwaitOut" \in Off
    /\ g \in list \/ "ListedLast" \in Off
    /\ instances' = [instances EXCEPT ![g] = "Closed"]
    /\ lock' = (IF "HeldToTheEnd" \in Off /\ state[g] = "Live" THEN [lock EXCEPT ![g] = "None"]
                ELSE lock)
    /\ UNCHANGED <<state, cause, list, works, ended, ender, found>>

\* Then it is taken out of the list, and is released.
\* In Go: linker.Group.Close
Release(g) ==
    /\ lock[g] = "Closer"
    /\ g \in list
    /\ \/ instances[g] = "Closed" \/ "ListedLast" \in Off
       \/ instances[g] = "None" /\ "FailedIsClosed" \in Off
    /\ list' = list \ {g}
    /\ state' = [state EXCEPT ![g] = "Released"]
    /\ lock' = [lock EXCEPT ![g] = IF instances[g] = "Open" THEN "Closer" ELSE "None"]
    /\ UNCHANGED <<cause, instances, works, ended, ender, found>>

(***************************************************************************)
(* The end of all groups                                                   *)
(***************************************************************************)

\* What ends all groups says so before it reads the list.
\* In Go: linker.Linker.Close
Say ==
    /\ ender = (IF "SaidFirst" \in Off THEN "Kill" ELSE "Say")
    /\ ended' = TRUE
    /\ ender' = (IF "SaidFirst" \in Off THEN "Killing" ELSE "Read")
    /\ UNCHANGED <<state, cause, instances, list, lock, works, found>>

ReadList ==
    /\ ender = (IF "SaidFirst" \in Off THEN "Say" ELSE "Read")
    /\ found' = list
    /\ ender' = (IF "SaidFirst" \in Off THEN "Kill" ELSE "Killing")
    /\ UNCHANGED <<state, cause, instances, list, lock, works, ended>>

Kill ==
    /\ ender = "Killing"
    /\ "KillsAtOnce" \in Off => (\A g \in found : lock[g] # "Caller")
    /\ cause' = cause \cup {g \in found : state[g] # "Released"}
    /\ ender' = "Done"
    /\ UNCHANGED <<state, instances, list, lock, works, ended, found>>

Next ==
    \/ \E g \in Groups : Reserve(g) \/ Add(g) \/ Build(g) \/ Attach(g) \/ Fail(g)
    \/ \E g \in Groups : Enter(g) \/ Leave(g) \/ Work(g) \/ WorkEnds(g)
    \/ \E g \in Groups : Die(g) \/ TakeOver(g) \/ CloseInstances(g) \/ Release(g)
    \/ Say
    \/ ReadList
    \/ Kill

LifeSpec == Init /\ [][Next]_lifeVars

\* What was begun goes on: building, a call, a replay, a release, and the end of all groups.
FairLifeSpec ==
    /\ LifeSpec
    /\ \A g \in Groups :
        /\ WF_lifeVars(Add(g) \/ Build(g) \/ Attach(g) \/ Fail(g))
        /\ WF_lifeVars(Leave(g))
        /\ WF_lifeVars(WorkEnds(g))
        /\ WF_lifeVars(TakeOver(g))
        /\ WF_lifeVars(CloseInstances(g) \/ Release(g))
    /\ WF_lifeVars(ReadList)
    /\ WF_lifeVars(Kill)

(***************************************************************************)
(* What holds                                                              *)
(***************************************************************************)

\* The instances of a group in which a goroutine is, or for which one works, are open.
UsedIsOpen ==
    \A g \in Groups : ((g \in works \/ lock[g] = "Caller") => (instances[g] = "Open"))

\* A group with open instances is in the list: a Linker.Close that finds no group has waited for
\* all of them.
OpenIsListed == \A g \in Groups : (instances[g] = "Open" => (g \in list))

\* One goroutine builds, uses or releases a group: a goroutine that has its lock.
LiveIsBuilt ==
    \A g \in Groups : (state[g] = "Live" => (instances[g] = "Open" \/ lock[g] = "Closer"))

\* What was released is closed, for good.
ReleasedIsClosed ==
    \A g \in Groups : (state[g] = "Released" => (instances[g] = "Closed" /\ g \notin works))

\* When all groups have been ended, each that is there is dying, or will be discarded by its
\* builder.
EndIsForAll ==
    ender = "Done" =>
        (\A g \in list : (g \in cause \/ (state[g] = "Listed" /\ instances[g] = "None")))

\* A group goes through its states in order.
StatesInOrder ==
    [][\A g \in Groups :
        \/ state'[g] = state[g]
        \/ <<state[g], state'[g]>> \in {<<"None", "Reserved">>, <<"Reserved", "Listed">>,
                <<"Listed", "Live">>, <<"Listed", "Released">>, <<"Live", "Released">>}]_state

\* No goroutine goes into a dying group, nor does a leader begin to work in it.
DyingIsLeft ==
    [][\A g \in Groups :
        (g \in cause => (~(lock[g] # "Caller" /\ lock'[g] = "Caller")
            /\ (g \in works' => g \in works)))]_<<lock, works>>

\* Every dying group is released.
DyingEnds == \A g \in Groups : ((g \in cause) ~> (state[g] = "Released"))

\* When all groups are to end, none is left.
EndEnds == ended ~> (list = {})
=============================================================================
