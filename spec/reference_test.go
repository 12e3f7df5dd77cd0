package spec_test

import (
	"strings"
	"testing"
)

// elements are the names that the reference's description uses. None may be forgotten.
var elements = []string{
	"lock_instance_group_state!", "Linker::instance_group_state", "InstanceGroupState",
	"FunctionEnv", "Store",
	"LinkerState", "RwLock", "LinkerShared", "ModuleHandle",
	"TopologyCoordinator", "TopologyToken", "acquire_topology_token",
	"write_linker_state", "write_linker_state_with_topology",
	"write_linker_state_blocking_holding_topology",
	"read", "try_read", "try_write", "Linker::new",
	"dl_operation_pending", "synchronize_link_operation", "do_pending_link_operations",
	"do_pending_link_operations_internal",
	"LinkerStateWriteBackoff", "new", "step", "backoff", "spin_loop", "yield_now", "sleep",
	"SPIN_PHASE_STEPS", "YIELD_PHASE_STEPS", "SLEEP_MICROS_INITIAL", "SLEEP_MICROS_MAX",
	"SLEEP_SHIFT_CAP",
	"saturating_add", "checked_shl",
	"DlOperation", "Debug", "Clone", "LoadModules", "ResolveFunction", "name", "resolved_from",
	"function_table_index",
	"AllocateFunctionTable", "index", "size",
	"prepare_for_instance_group", "create_instance_group", "shutdown_instance_group",
}

// Every element of the reference is in the first column of a table, beside what it is in Go and the
// tests that show it.
func TestReferenceIsComplete(t *testing.T) {
	found := map[string]bool{}
	rows := 0
	for line := range strings.Lines(read(t, "reference.md")) {
		if !strings.HasPrefix(line, "|") || strings.HasPrefix(line, "| element") ||
			strings.HasPrefix(line, "| ---") {
			continue
		}
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		if len(cells) != 5 {
			t.Fatalf("%d cells, want 5: %s", len(cells), line)
		}
		rows++
		for _, m := range quoted.FindAllStringSubmatch(cells[0], -1) {
			found[m[1]] = true
		}
		for _, i := range []int{3, 4} {
			if !quoted.MatchString(cells[i]) {
				t.Errorf("nothing in column %d: %s", i+1, line)
			}
		}
	}
	for _, name := range elements {
		if !found[name] {
			t.Errorf("reference.md does not say what has become of %s", name)
		}
	}
	if rows < 30 {
		t.Errorf("only %d elements", rows)
	}
}
