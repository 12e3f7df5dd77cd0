---------------------------- MODULE MCLinkerSync ----------------------------
(***************************************************************************)
(* What models of LinkerSync need besides constants.                       *)
(***************************************************************************)
EXTENDS LinkerSync, TLC

\* The slots differ only in whether their group exists at the start.  Sound
\* for safety only, as always.
Symmetry ==
    Permutations(Initial)
        \cup (IF Groups = Initial THEN {} ELSE Permutations(Groups \ Initial))
=============================================================================
