---------------------------- MODULE LinkerProbes ----------------------------
(***************************************************************************)
(* Claims that something interesting never happens.  Each must be refuted: *)
(* a specification in which it really never happens proves too little.     *)
(***************************************************************************)
EXTENDS LinkerSync

\* No leader acts for a sleeper.
NeverClaimed == \A h \in Groups : (Asleep(h)) => (part[h] \notin {"Arrived", "Applied"})

\* No group takes part while it waits for the lease, or for the state lock.
NeverArrivesWaitingForLease == \A h \in Groups : (stage[h] = "WaitLease") => (part[h] # "Arrived")
NeverArrivesWaitingForState == \A h \in Groups : (stage[h] = "WaitState") => (part[h] # "Arrived")

\* The queues are never long, and never both in use.
LeaseQueueIsShort == Len(leaseQueue) < 2
StateQueueIsShort == Len(stateQueue) < 2
OneQueueAtATime == (leaseQueue = <<>>) \/ (stateQueue = <<>>)

\* A holder of the lease never has to wait for the state lock behind a group without it.
LeaseMeansStateNext ==
    (holder = None) \/ (stage[holder] # "WaitState") \/ (Head(stateQueue) = holder)

\* A child never waits for the state lock while another group has it.
ChildNeverWaits ==
    \A c \in Groups : (mode[c] = "Building" /\ stage[c] = "WaitState") => (writer = None)

\* No operation is led by a group that is dead, and none commits.
NoZombie == \A g \in Groups : (stage[g] = "Replaying") => (mode[g] # "Gone")
ZombieNeverCommits ==
    [][\A g \in Groups : ((stage[g] = "Replaying" /\ mode[g] = "Gone") => (log' = log))]_log

\* No group dies between the epochs while others go on.
NobodyDiesBetweenEpochs ==
    [][\A h \in Groups :
        ((part[h] = "Applied" /\ mode'[h] = "Gone") => (leader' # leader))]_mode

\* No operation is without participants, or has every kind of participant.
NeverAlone == (leader = None) \/ (Participants # {})
NeverMixed == ~((\E h \in Groups : part[h] = "Failed") /\ (\E h \in Groups : part[h] = "Applied"))

\* Nothing is ever undone or rolled back; nothing is ever poisoned.
NeverUndone == \A h \in Groups : part[h] # "Undone"
NeverRolledBack == [][~failed]_failed
NeverPoisoned == ~poisoned

\* The token never moves; no slot is used twice.
TokenNeverMoves == [][(holder = None) \/ (holder' = None)]_holder
NobodyIsSpawned == \A g \in Groups : mode[g] # "Building"

\* There are always closures; the log is never full, nor ever forgotten.
ClosuresNeverRunOut == (table = 0) \/ (free > 0)
LogIsNeverFull == Len(log) < MaxLog
LogIsNeverForgotten == [][log' # <<>>]_log
=============================================================================
