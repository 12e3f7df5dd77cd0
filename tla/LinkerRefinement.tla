-------------------------- MODULE LinkerRefinement --------------------------
(***************************************************************************)
(* LinkerSync implements Linker.                                           *)
(*                                                                         *)
(* A call is in progress while the group's stage is not "Idle".  What a    *)
(* group has seen is its view without the operation that is not committed  *)
(* yet: guest code does not run in the group meanwhile, so nobody sees it. *)
(* The step that is Link is Commit: the linearization point.               *)
(***************************************************************************)
EXTENDS LinkerSync

Committed(g) == IF g \notin Live THEN <<>> ELSE IF Ahead(g) THEN Front(view[g]) ELSE view[g]

Abstract == INSTANCE Linker WITH
    members <- Live,
    calling <- {g \in Groups : stage[g] # "Idle"},
    seen <- [g \in Groups |-> Committed(g)],
    broken <- poisoned

Implements == Abstract!Spec

AllAgree == Abstract!AllAgree

CallsEnd == Abstract!CallsEnd

\* What runs sees exactly what the abstract linker says that it has seen.
SeenIsWhatRuns == \A g \in Groups : (RunsGuest(g) => (view[g] = Committed(g)))
=============================================================================
