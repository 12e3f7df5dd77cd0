---- MODULE TraceData ----
\* Generated: traces of running linkers. TraceLinkerSync explains them.
EXTENDS LinkerSync

CONSTANTS g1, g2, g3

AllTags == 0..255

\* lincheck/trace/corrupt/testdata/trace.jsonl
Trace1 == <<
<<"Park", g1, None, <<"Parked", "Idle", "None", None, None, None, <<>>, 0, 0, 0, 0, 0, 0>>>>,
<<"Unpark", g1, None, <<"Running", "Idle", "None", None, None, None, <<>>, 0, 0, 0, 0, 0, 0>>>>,
<<"RequestLease", g1, None, <<"Running", "WaitLease", "None", None, None, None, <<>>, 1, 0, 0, 0, 0, 0>>>>,
<<"GrantLease", g1, None, <<"Running", "Leased", "None", g1, None, None, <<>>, 0, 0, 0, 0, 0, 0>>>>,
<<"Spawn", g1, g2, <<"Running", "Idle", "None", g2, None, None, <<>>, 0, 0, 0, 0, 0, 0>>>>,
<<"Build", g2, None, <<"Building", "Built", "None", g2, None, None, <<>>, 0, 0, 0, 0, 0, 0>>>>,
<<"RequestState", g2, None, <<"Building", "WaitState", "None", g2, None, None, <<>>, 0, 1, 0, 0, 0, 0>>>>,
<<"LockState", g2, None, <<"Building", "Locked", "None", g2, g2, None, <<>>, 0, 0, 0, 0, 0, 0>>>>,
<<"Attach", g2, None, <<"Running", "Idle", "None", None, None, None, <<>>, 0, 0, 0, 0, 0, 0>>>>,
<<"Park", g2, None, <<"Parked", "Idle", "None", None, None, None, <<>>, 0, 0, 0, 0, 0, 0>>>>,
<<"Park", g1, None, <<"Parked", "Idle", "None", None, None, None, <<>>, 0, 0, 0, 0, 0, 0>>>>,
<<"Unpark", g1, None, <<"Running", "Idle", "None", None, None, None, <<>>, 0, 0, 0, 0, 0, 0>>>>,
<<"RequestLease", g1, None, <<"Running", "WaitLease", "None", None, None, None, <<>>, 1, 0, 0, 0, 0, 0>>>>,
<<"GrantLease", g1, None, <<"Running", "Leased", "None", g1, None, None, <<>>, 0, 0, 0, 0, 0, 0>>>>,
<<"Spawn", g1, g3, <<"Running", "Idle", "None", g3, None, None, <<>>, 0, 0, 0, 0, 0, 0>>>>,
<<"Build", g3, None, <<"Building", "Built", "None", g3, None, None, <<>>, 0, 0, 0, 0, 0, 0>>>>,
<<"RequestState", g3, None, <<"Building", "WaitState", "None", g3, None, None, <<>>, 0, 1, 0, 0, 0, 0>>>>,
<<"LockState", g3, None, <<"Building", "Locked", "None", g3, g3, None, <<>>, 0, 0, 0, 0, 0, 0>>>>,
<<"Attach", g3, None, <<"Running", "Idle", "None", None, None, None, <<>>, 0, 0, 0, 0, 0, 0>>>>,
<<"Park", g3, None, <<"Parked", "Idle", "None", None, None, None, <<>>, 0, 0, 0, 0, 0, 0>>>>,
<<"Park", g1, None, <<"Parked", "Idle", "None", None, None, None, <<>>, 0, 0, 0, 0, 0, 0>>>>,
<<"Unpark", g2, None, <<"Running", "Idle", "None", None, None, None, <<>>, 0, 0, 0, 0, 0, 0>>>>,
<<"RequestLease", g2, None, <<"Running", "WaitLease", "None", None, None, None, <<>>, 1, 0, 0, 0, 0, 0>>>>,
<<"GrantLease", g2, None, <<"Running", "Leased", "None", g2, None, None, <<>>, 0, 0, 0, 0, 0, 0>>>>,
<<"RequestState", g2, None, <<"Running", "WaitState", "None", g2, None, None, <<>>, 0, 1, 0, 0, 0, 0>>>>,
<<"LockState", g2, None, <<"Running", "Locked", "None", g2, g2, None, <<>>, 0, 0, 0, 0, 0, 0>>>>,
<<"Unpark", g3, None, <<"Running", "Idle", "None", g2, g2, None, <<>>, 0, 0, 0, 0, 0, 0>>>>,
<<"Park", g3, None, <<"Parked", "Idle", "None", g2, g2, None, <<>>, 0, 0, 0, 0, 0, 0>>>>,
<<"Unpark", g3, None, <<"Running", "Idle", "None", g2, g2, None, <<>>, 0, 0, 0, 0, 0, 0>>>>,
<<"Park", g3, None, <<"Parked", "Idle", "None", g2, g2, None, <<>>, 0, 0, 0, 0, 0, 0>>>>,
<<"Unpark", g3, None, <<"Running", "Idle", "None", g2, g2, None, <<>>, 0, 0, 0, 0, 0, 0>>>>,
<<"RequestState", g3, None, <<"Running", "WaitState", "None", g2, g2, None, <<>>, 0, 1, 0, 0, 0, 0>>>>,
<<"Unpark", g1, None, <<"Running", "Idle", "None", g2, g2, None, <<>>, 0, 1, 0, 0, 0, 0>>>>,
<<"RequestState", g1, None, <<"Running", "WaitState", "None", g2, g2, None, <<>>, 0, 2, 0, 0, 0, 0>>>>,
<<"Work", g2, <<"LoadModules", 1>>, <<"Running", "Worked", "None", g2, g2, None, <<"LoadModules", 1>>, 0, 2, 0, 0, 0, 0>>>>,
<<"Publish", g2, None, <<"Running", "Published", "None", g2, g2, g2, <<"LoadModules", 1>>, 0, 2, 0, 0, 0, 0>>>>,
<<"Arrive", g1, None, <<"Running", "WaitState", "Arrived", g2, g2, g2, <<"LoadModules", 1>>, 0, 2, 0, 0, 0, 0>>>>,
<<"Arrive", g3, None, <<"Running", "WaitState", "Arrived", g2, g2, g2, <<"LoadModules", 1>>, 0, 2, 0, 0, 0, 0>>>>,
<<"Broadcast", g2, None, <<"Running", "Replaying", "None", g2, None, g2, <<"LoadModules", 1>>, 0, 2, 3, 0, 0, 0>>>>,
<<"Apply", g1, None, <<"Running", "WaitState", "Applied", g2, None, g2, <<"LoadModules", 1>>, 0, 2, 3, 0, 0, 0>>>>>>

Traces == <<Trace1>>
====
