-------------------------------- MODULE Stays -------------------------------
(***************************************************************************)
(* Activations: the stays of goroutines in groups.                         *)
(*                                                                         *)
(* A call from Go begins a stay.  Its context goes to host functions, and  *)
(* a call with that context begins another stay within it: nested in the   *)
(* same group, or in another group while the first one is parked.  A host  *)
(* function may keep the context, and use it when the stay is over, or in  *)
(* another goroutine: both are refused.  A stay is used again by the next  *)
(* call, so a context that was kept is that call's, too.                   *)
(*                                                                         *)
(* For the protocol (LinkerSync) a group is "Parked" or "Running"; what    *)
(* parks a group while a goroutine has it is here: a host call that        *)
(* blocks, and a call into another group.                                  *)
(***************************************************************************)
EXTENDS Naturals, Sequences, FiniteSets

CONSTANTS
    Goroutines, \* the goroutines that call
    Groups,     \* the groups, 1..n
    MaxStays,   \* how many stays there are at most
    MaxDepth,   \* how deep calls nest
    None,       \* no goroutine
    Crossing,   \* the groups out of which goroutines call into other groups
    Off         \* rules that are not kept; {} is the code

VARIABLES
    group,      \* [Stays -> its group; 0: there was no such stay yet]
    by,         \* [Stays -> the goroutine that the context belongs to; None: the stay is over]
    seen,       \* the stays whose context a host function has got, and may have kept
    leads,      \* the stays in which the goroutine leads an operation
    stack,      \* [Goroutines -> its stays, the innermost last]
    owner,      \* [Groups -> the goroutine that has its lock, or None]
    queue,      \* [Groups -> the goroutines that wait for it from outside, first come first]
    parked,     \* [Groups -> TRUE: no goroutine is in it, for the coordinator]
    blocked,    \* the goroutines in a host call that waits
    spare,      \* [Groups -> a stay that the next call uses again; 0: none]
    crosses     \* [Goroutines -> the group that it waits for from within another; 0: none]

stayVars == <<group, by, seen, leads, stack, owner, queue, parked, blocked, spare, crosses>>

StayIds == 1..MaxStays

Init ==
    /\ group = [s \in StayIds |-> 0]
    /\ by = [s \in StayIds |-> None]
    /\ seen = {}
    /\ leads = {}
    /\ stack = [r \in Goroutines |-> <<>>]
    /\ owner = [g \in Groups |-> None]
    /\ queue = [g \in Groups |-> <<>>]
    /\ parked = [g \in Groups |-> TRUE]
    /\ blocked = {}
    /\ spare = [g \in Groups |-> 0]
    /\ crosses = [r \in Goroutines |-> 0]

Last(q) == q[Len(q)]
Front(q) == SubSeq(q, 1, Len(q) - 1)
Range(q) == {q[i] : i \in 1..Len(q)}

\* The innermost stay of r; 0: it is in no group.
Top(r) == IF stack[r] = <<>> THEN 0 ELSE Last(stack[r])

\* r executes code in a group, and is not waiting.
Runs(r) == Top(r) # 0 /\ r \notin blocked /\ crosses[r] = 0

\* r is in g, further out perhaps.
IsIn(r, g) == \E s \in Range(stack[r]) : group[s] = g

\* The stays that can begin: a model has only so many, so one whose context was kept is one of
\* them, and all code has forgotten that context then.
New == {s \in StayIds : by[s] = None /\ \A g \in Groups : spare[g] # s}

Least(S) == CHOOSE s \in S : \A t \in S : s <= t

\* r begins the stay s in g.
Begins(r, s, g) ==
    /\ group' = [group EXCEPT ![s] = g]
    /\ by' = [by EXCEPT ![s] = r]
    /\ stack' = [stack EXCEPT ![r] = Append(stack[r], s)]

(***************************************************************************)
(* From outside                                                            *)
(***************************************************************************)

\* r calls into g, with a context that comes from no stay: it waits for the group's lock.
\* In Go: linker.Group.enter
Ask(r, g) ==
    /\ stack[r] = <<>>
    /\ \A k \in Groups : r \notin Range(queue[k])
    /\ queue' = [queue EXCEPT ![g] = Append(queue[g], r)]
    /\ UNCHANGED <<group, by, seen, leads, stack, owner, parked, blocked, spare, crosses>>

\* r has the lock.  The group's spare stay begins again, or another one.
\* In Go: linker.Group.acquire, linker.Group.beginActivation
Enter(r, g) ==
    /\ stack[r] = <<>>
    /\ queue[g] # <<>>
    /\ Head(queue[g]) = r
    /\ owner[g] = None
    /\ queue' = [queue EXCEPT ![g] = Tail(queue[g])]
    /\ owner' = [owner EXCEPT ![g] = r]
    /\ parked' = [parked EXCEPT ![g] = FALSE]
    /\ IF spare[g] # 0
       THEN Begins(r, spare[g], g) /\ seen' = seen
       ELSE New # {} /\ Begins(r, Least(New), g) /\ seen' = seen \ {Least(New)}
    /\ spare' = [spare EXCEPT ![g] = 0]
    /\ UNCHANGED <<leads, blocked, crosses>>

\* The call returns: its stay is over, and is spare.
\* In Go: linker.activation.leave, linker.Group.release
Leave(r) ==
    /\ Runs(r)
    /\ Len(stack[r]) = 1
    /\ LET s == Top(r)
           g == group[s]
       IN  /\ by' = [by EXCEPT ![s] = IF "StaleEnds" \in Off THEN by[s] ELSE None]
           /\ leads' = leads \ {s}
           /\ stack' = [stack EXCEPT ![r] = <<>>]
           /\ owner' = [owner EXCEPT ![g] = None]
           /\ parked' = [parked EXCEPT ![g] = TRUE]
           /\ spare' = [spare EXCEPT ![g] = s]
    /\ UNCHANGED <<group, seen, queue, blocked, crosses>>

(***************************************************************************)
(* Within a stay                                                           *)
(***************************************************************************)

\* A host function of the embedder gets the context of r's stay.
HostCall(r) ==
    /\ Runs(r)
    /\ seen' = seen \cup {Top(r)}
    /\ UNCHANGED <<group, by, leads, stack, owner, queue, parked, blocked, spare, crosses>>

\* r's stay begins to lead an operation, as that of a constructor does.
Lead(r) ==
    /\ Runs(r)
    /\ leads = {}
    /\ leads' = {Top(r)}
    /\ UNCHANGED <<group, by, seen, stack, owner, queue, parked, blocked, spare, crosses>>

\* The operation ends, in the stay in which it began.
Led(r) ==
    /\ Runs(r)
    /\ Top(r) \in leads
    /\ leads' = leads \ {Top(r)}
    /\ UNCHANGED <<group, by, seen, stack, owner, queue, parked, blocked, spare, crosses>>

\* r's host function waits, and the group is parked for it.
\* In Go: presence.Activation.Block
Block(r) ==
    /\ Runs(r)
    /\ Top(r) \in seen
    /\ Top(r) \notin leads
    /\ \A s \in leads : s \notin Range(stack[r])
    /\ blocked' = blocked \cup {r}
    /\ parked' = [parked EXCEPT ![group[Top(r)]] = TRUE]
    /\ UNCHANGED <<group, by, seen, leads, stack, owner, queue, spare, crosses>>

\* The wait is over.
\* In Go: presence.Activation.Block
Unblock(r) ==
    /\ r \in blocked
    /\ blocked' = blocked \ {r}
    /\ parked' = [parked EXCEPT ![group[Top(r)]] = FALSE]
    /\ UNCHANGED <<group, by, seen, leads, stack, owner, queue, spare, crosses>>

\* What r asks of the context of s: it is the innermost stay of r, and not over.
Usable(r, s) ==
    /\ s \in seen
    /\ by[s] # None
    /\ by[s] = r \/ "ForeignIsRefused" \in Off
    /\ s = Top(r) \/ Off \cap {"BusyIsRefused", "ForeignIsRefused", "NestsInnermost"} # {}

\* r calls into the group of s with the context of s.
\* In Go: linker.Group.enter, presence.Activation.Nest
Nest(r, s) ==
    /\ r \notin blocked
    /\ crosses[r] = 0
    /\ \A k \in Groups : r \notin Range(queue[k])
    /\ group[s] # 0
    /\ Usable(r, s)
    /\ Len(stack[r]) < MaxDepth
    /\ New # {}
    /\ Begins(r, Least(New), group[s])
    /\ seen' = seen \ {Least(New)}
    /\ parked' = (IF "NestsInnermost" \in Off
                  THEN [g \in Groups |-> IF g = group[s] THEN FALSE
                                         ELSE IF Top(r) # 0 /\ g = group[Top(r)] THEN TRUE
                                         ELSE parked[g]]
                  ELSE parked)
    /\ UNCHANGED <<leads, owner, queue, blocked, spare, crosses>>

\* r calls into another group than that of its stay, which is parked meanwhile.
\* In Go: presence.Activation.from
Cross(r, g) ==
    /\ Runs(r)
    /\ Usable(r, Top(r))
    /\ group[Top(r)] \in Crossing
    /\ group[Top(r)] # g
    /\ (\A s \in leads : s \notin Range(stack[r])) \/ "LeaderStays" \in Off
    /\ Len(stack[r]) < MaxDepth
    /\ New # {}
    /\ parked' = (IF "CrossParks" \in Off THEN parked
                  ELSE [parked EXCEPT ![group[Top(r)]] = TRUE])
    /\ crosses' = [crosses EXCEPT ![r] = g]
    /\ queue' = (IF IsIn(r, g) THEN queue ELSE [queue EXCEPT ![g] = Append(queue[g], r)])
    /\ UNCHANGED <<group, by, seen, leads, stack, owner, blocked, spare>>

\* r is in the other group: it has its lock, or had it further out.
\* In Go: presence.Activation.from
Crossed(r, g) ==
    /\ crosses[r] = g
    /\ New # {}
    /\ \/ IsIn(r, g) /\ UNCHANGED <<owner, queue>>
       \/ /\ ~IsIn(r, g)
          /\ queue[g] # <<>> /\ Head(queue[g]) = r
          /\ owner[g] = None
          /\ owner' = [owner EXCEPT ![g] = r]
          /\ queue' = [queue EXCEPT ![g] = Tail(queue[g])]
    /\ Begins(r, Least(New), g)
    /\ seen' = seen \ {Least(New)}
    /\ parked' = [parked EXCEPT ![g] = FALSE]
    /\ crosses' = [crosses EXCEPT ![r] = 0]
    /\ UNCHANGED <<leads, blocked, spare>>

\* An inner call returns.
\* In Go: presence.Activation.Leave
Back(r) ==
    /\ Runs(r)
    /\ Len(stack[r]) > 1
    /\ LET s == Top(r)
           g == group[s]
           rest == Front(stack[r])
           outer == group[Last(rest)]
       IN  /\ by' = [by EXCEPT ![s] = IF "StaleEnds" \in Off THEN by[s] ELSE None]
           /\ leads' = leads \ {s}
           /\ stack' = [stack EXCEPT ![r] = rest]
           /\ IF outer = g
              THEN UNCHANGED <<owner, parked>>
              ELSE /\ owner' = (IF \E t \in Range(rest) : group[t] = g THEN owner
                                ELSE [owner EXCEPT ![g] = None])
                   /\ parked' = [parked EXCEPT ![g] = TRUE, ![outer] = FALSE]
    /\ UNCHANGED <<group, seen, queue, blocked, spare, crosses>>

Next ==
    \/ \E r \in Goroutines : \E g \in Groups :
          Ask(r, g) \/ Enter(r, g) \/ Cross(r, g) \/ Crossed(r, g)
    \/ \E r \in Goroutines : Leave(r) \/ Back(r) \/ HostCall(r) \/ Block(r) \/ Unblock(r)
    \/ \E r \in Goroutines : Lead(r) \/ Led(r)
    \/ \E r \in Goroutines : \E s \in StayIds : Nest(r, s)

StaySpec == Init /\ [][Next]_stayVars

\* A wait ends, and so does a call, however much its code calls, in a model in which calls nest
\* twice at most.  A turn in a queue is taken.  No goroutine has to call.
FairStaySpec ==
    /\ StaySpec
    /\ \A r \in Goroutines :
        /\ WF_stayVars(Unblock(r))
        /\ WF_stayVars(\E g \in Groups : Enter(r, g) \/ Crossed(r, g))
        /\ SF_stayVars(Leave(r))
        /\ SF_stayVars(Back(r))

(***************************************************************************)
(* What holds                                                              *)
(***************************************************************************)

\* A goroutine that is in a group has its lock: one goroutine is in a group.
OneIsIn == \A r \in Goroutines : \A s \in Range(stack[r]) : owner[group[s]] = r

\* The group that a goroutine runs in is not parked.
RunsAwake == \A r \in Goroutines : (Runs(r) => ~parked[group[Top(r)]])

\* A group whose goroutine does not run in it is parked: it holds up no operation.
HoldsUpNone ==
    \A g \in Groups : (~parked[g] => \E r \in Goroutines : (Runs(r) /\ group[Top(r)] = g))

\* A stay is on the stack of the goroutine that its context belongs to, and on no other.
StaysAreTheirs ==
    \A s \in StayIds :
        ((by[s] # None) = (\E r \in Goroutines : s \in Range(stack[r])))
            /\ \A r \in Goroutines : (s \in Range(stack[r]) => (by[s] = r))

\* Who leads an operation stays in one group, and does not wait.
LeadersStay ==
    \A r \in Goroutines : ((\E s \in Range(stack[r]) : s \in leads) =>
        (r \notin blocked /\ crosses[r] = 0))

\* A stay begins within the innermost one of the same goroutine.
StaysNest ==
    [][\A r \in Goroutines :
        ((Len(stack'[r]) > Len(stack[r])) =>
            (stack[r] = <<>> \/ group'[Last(stack'[r])] = group[Top(r)] \/ crosses[r] # 0))
        /\ ((stack[r] = <<>> /\ stack'[r] # <<>>) =>
            (\E g \in Groups : r \in Range(queue[g])))]_stack

\* A goroutine that waits for a group gets in, where goroutines do not call into each other's
\* groups.
CallsGetIn ==
    \A r \in Goroutines : \A g \in Groups :
        ((r \in Range(queue[g])) ~> (r \notin Range(queue[g])))
=============================================================================
