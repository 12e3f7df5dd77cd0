------------------------------- MODULE MCLock -------------------------------
(* The bounds of Lock's models. *)
EXTENDS Lock

ASSUME Cardinality(Procs) > 0

=============================================================================
