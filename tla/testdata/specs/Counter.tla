------------------------------- MODULE Counter -------------------------------
(* A counter that goes round: for the kinds of counterexamples that Lock has not. *)
EXTENDS Naturals, TLC, TLCExt

VARIABLES
    n,      \* the counter
    last    \* the number and the name of the last step

vars == <<n, last>>

Init ==
    /\ n = 0
    /\ last = <<0, "none">>

Count(by, how) ==
    /\ n + by < 4
    /\ n' = n + by
    /\ last' = <<by, how>>

Reset ==
    /\ n = 3
    /\ n' = 0
    /\ last' = <<0, "none">>

Next ==
    \/ \E by \in {1} : Count(by, "a, b")
    \/ Reset

Spec == Init /\ [][Next]_vars

FairSpec == Spec /\ WF_vars(Next)

NeverZero == n > 0

NeverDown == [][n' > n]_vars

Settles == <>[](n = 3)

Arrives == <>(n = 4)

StartsHigh == n = 2

NotAll == FALSE /\ n = 0

Checked == TLCGet("distinct") > 100

=============================================================================
