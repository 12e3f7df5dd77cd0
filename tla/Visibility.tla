----------------------------- MODULE Visibility -----------------------------
(***************************************************************************)
(* What a goroutine sees that takes no lock, and when.                     *)
(*                                                                         *)
(* LinkerSync commits in one step.  In the code that step is several       *)
(* writes inside one critical section, and readers do not take its mutex:  *)
(* the snapshot of the records is published with one store of a pointer    *)
(* (linker: Linker.publish, inside Work.Commit), then the coordinator      *)
(* counts (coord: Coordinator.decide), then the call returns.  A reader    *)
(* loads the counter and the snapshot, in this order, at any time between. *)
(*                                                                         *)
(* Leaders do not matter here: the mutex lets one commit at a time.  An    *)
(* operation is only a number, and records reflect the first so many.      *)
(***************************************************************************)
EXTENDS Naturals

CONSTANTS
    Readers,    \* goroutines that read without a lock
    MaxCommits, \* how many operations there are
    Off         \* orders that are not kept; {} is the code

VARIABLES
    next,       \* the leader's next write: "Records", "Number", "Count", "Return"
    records,    \* the operations that the published records reflect
    number,     \* the number that is published with them
    counted,    \* the coordinator's counter of commits
    returned,   \* the number of the newest operation whose call has returned
    asks,       \* [Readers -> the reader's next read: "Begin", "Count", "Snapshot", "End"]
    floor,      \* [Readers -> what had returned when the reader began]
    count,      \* [Readers -> the counter that it has read]
    saw,        \* [Readers -> the records that it has read]
    named       \* [Readers -> the number that it has read with them]

leaderVars == <<next, records, number, counted, returned>>
readerVars == <<asks, floor, count, saw, named>>
visibilityVars == <<next, records, number, counted, returned, asks, floor, count, saw, named>>

Init ==
    /\ next = "Records"
    /\ records = 0
    /\ number = 0
    /\ counted = 0
    /\ returned = 0
    /\ asks = [r \in Readers |-> "Begin"]
    /\ floor = [r \in Readers |-> 0]
    /\ count = [r \in Readers |-> 0]
    /\ saw = [r \in Readers |-> 0]
    /\ named = [r \in Readers |-> 0]

(***************************************************************************)
(* The leader                                                              *)
(***************************************************************************)

\* The records and their number are published, in one store.
\* In Go: linker.Linker.publish
Publish ==
    /\ next = "Records"
    /\ records < MaxCommits
    /\ counted = records \/ "PublishFirst" \in Off
    /\ records' = records + 1
    /\ number' = (IF "OneSnapshot" \in Off THEN number ELSE number + 1)
    /\ next' = (IF "OneSnapshot" \in Off THEN "Number"
                ELSE IF counted = records' THEN "Return" ELSE "Count")
    /\ UNCHANGED <<counted, returned, readerVars>>

\* A second store, for the number alone: the mistake OneSnapshot.
PublishNumber ==
    /\ next = "Number"
    /\ number' = number + 1
    /\ next' = "Count"
    /\ UNCHANGED <<records, counted, returned, readerVars>>

\* The coordinator counts what can be seen; with the mistake PublishFirst, what will be.
\* In Go: coord.Coordinator.decide
Count ==
    /\ \/ next = "Count"
       \/ next = "Records" /\ counted = records /\ counted < MaxCommits /\ "PublishFirst" \in Off
    /\ counted' = counted + 1
    /\ next' = (IF next = "Count" THEN "Return" ELSE "Records")
    /\ UNCHANGED <<records, number, returned, readerVars>>

\* The call returns, with the operation's number; with the mistake ReturnLast, before the operation
\* can be seen.
\* In Go: coord.Member.Link
Return ==
    /\ \/ next = "Return" /\ returned' = counted /\ next' = "Records"
       \/ "ReturnLast" \in Off /\ next = "Records" /\ records < MaxCommits
            /\ returned' = records + 1 /\ next' = next
    /\ UNCHANGED <<records, number, counted, readerVars>>

(***************************************************************************)
(* A reader                                                                *)
(***************************************************************************)

BeginRead(r) ==
    /\ asks[r] = "Begin"
    /\ floor' = [floor EXCEPT ![r] = returned]
    /\ asks' = [asks EXCEPT ![r] = "Count"]
    /\ UNCHANGED <<leaderVars, count, saw, named>>

\* In Go: coord.Coordinator.Commits
ReadCount(r) ==
    /\ asks[r] = "Count"
    /\ count' = [count EXCEPT ![r] = counted]
    /\ asks' = [asks EXCEPT ![r] = "Snapshot"]
    /\ UNCHANGED <<leaderVars, floor, saw, named>>

\* One load of a pointer: records and number.
\* In Go: linker.Linker.Commits, linker.Linker.Libraries
ReadSnapshot(r) ==
    /\ asks[r] = "Snapshot"
    /\ saw' = [saw EXCEPT ![r] = records]
    /\ named' = [named EXCEPT ![r] = number]
    /\ asks' = [asks EXCEPT ![r] = "End"]
    /\ UNCHANGED <<leaderVars, floor, count>>

\* The reader forgets, and may read again.
EndRead(r) ==
    /\ asks[r] = "End"
    /\ asks' = [asks EXCEPT ![r] = "Begin"]
    /\ floor' = [floor EXCEPT ![r] = 0]
    /\ count' = [count EXCEPT ![r] = 0]
    /\ saw' = [saw EXCEPT ![r] = 0]
    /\ named' = [named EXCEPT ![r] = 0]
    /\ UNCHANGED leaderVars

Next ==
    \/ Publish
    \/ PublishNumber
    \/ Count
    \/ Return
    \/ \E r \in Readers : BeginRead(r) \/ ReadCount(r) \/ ReadSnapshot(r) \/ EndRead(r)

VisibilitySpec == Init /\ [][Next]_visibilityVars

(***************************************************************************)
(* What holds                                                              *)
(***************************************************************************)

\* What is counted can be seen, and no more than one operation is ahead of the counter.
CountedIsVisible == counted <= records /\ records <= counted + 1

\* Records and number belong together: a reader sees one snapshot.
SnapshotIsWhole == \A r \in Readers : saw[r] = named[r]

\* What was there before the number was read is there.
CountedIsSeen == \A r \in Readers : (asks[r] = "End" => (saw[r] >= count[r]))

\* What a call has returned is seen by every reader that begins afterwards.
ReadAfterReturn == \A r \in Readers : (asks[r] = "End" => (saw[r] >= floor[r]))

\* What can be seen never goes back.
NothingVanishes == [][records' >= records /\ number' >= number /\ counted' >= counted]_leaderVars
=============================================================================
