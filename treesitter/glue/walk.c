// What the host wants to know of every node of a tree, many nodes at a call. The functions of web-tree-sitter that it
// calls take a node or a cursor in the buffer that ts_init returns, and leave their results there.

typedef unsigned int u32;
typedef struct TSTree TSTree;

// A node as web-tree-sitter passes it: identity, where it begins (in UTF-16 units; row and column), and a word of its own.
typedef struct { u32 id, start, row, column, other; } Node;
typedef struct { u32 words[4]; } Cursor;

void ts_tree_root_node_wasm(const TSTree *);
void ts_tree_cursor_new_wasm(const TSTree *);
void ts_tree_cursor_delete_wasm(const TSTree *);
void ts_tree_cursor_current_node_wasm(const TSTree *);
u32 ts_tree_cursor_current_field_id_wasm(const TSTree *);
u32 ts_tree_cursor_goto_first_child_wasm(const TSTree *);
u32 ts_tree_cursor_goto_next_sibling_wasm(const TSTree *);
u32 ts_tree_cursor_goto_parent_wasm(const TSTree *);
u32 ts_node_symbol_wasm(const TSTree *);
u32 ts_node_grammar_symbol_wasm(const TSTree *);
u32 ts_node_end_index_wasm(const TSTree *);
void ts_node_end_point_wasm(const TSTree *);
u32 ts_node_is_named_wasm(const TSTree *);
u32 ts_node_is_extra_wasm(const TSTree *);
u32 ts_node_is_missing_wasm(const TSTree *);
u32 ts_node_is_error_wasm(const TSTree *);
u32 ts_node_has_error_wasm(const TSTree *);
u32 ts_node_has_changes_wasm(const TSTree *);
u32 ts_node_parse_state_wasm(const TSTree *);
u32 ts_node_next_parse_state_wasm(const TSTree *);

// What the host reads, little-endian words: treesitter/walk.go.
typedef struct {
  Node node;
  u32 end, end_row, end_column;
  u32 symbols; // the symbol, and in the upper half the grammar's own
  u32 flags;   // and in the upper half the field
  u32 states;  // the state before it, and in the upper half the state behind it
  u32 depth;
} Record;

typedef struct {
  Cursor cursor;
  u32 depth;
} Walk;

// Begins a walk at the root of a tree.
void lockstep_walk_begin(const TSTree *tree, Walk *walk, Cursor *buffer) {
  ts_tree_root_node_wasm(tree);
  ts_tree_cursor_new_wasm(tree);
  walk->cursor = *buffer;
  walk->depth = 0;
}

// Ends a walk, wherever it is.
void lockstep_walk_end(const TSTree *tree, Walk *walk, Cursor *buffer) {
  *buffer = walk->cursor;
  ts_tree_cursor_delete_wasm(tree);
}

static void describe(const TSTree *tree, Node *buffer, Record *r) {
  Node node = *buffer;
  r->node = node;
  r->end = ts_node_end_index_wasm(tree), *buffer = node;
  ts_node_end_point_wasm(tree);
  r->end_row = buffer->id, r->end_column = buffer->start, *buffer = node;
  r->symbols = ts_node_symbol_wasm(tree), *buffer = node;
  r->symbols |= ts_node_grammar_symbol_wasm(tree) << 16, *buffer = node;
  r->flags |= !!ts_node_is_named_wasm(tree), *buffer = node;
  r->flags |= !!ts_node_is_extra_wasm(tree) << 1, *buffer = node;
  r->flags |= !!ts_node_is_missing_wasm(tree) << 2, *buffer = node;
  r->flags |= !!ts_node_is_error_wasm(tree) << 3, *buffer = node;
  r->flags |= !!ts_node_has_error_wasm(tree) << 4, *buffer = node;
  r->flags |= !!ts_node_has_changes_wasm(tree) << 5, *buffer = node;
  r->states = ts_node_parse_state_wasm(tree), *buffer = node;
  r->states |= ts_node_next_parse_state_wasm(tree) << 16;
}

// Describes up to room nodes, in the order in which they begin, parents before children, and returns how many. The
// highest bit says that these were the last.
u32 lockstep_walk(const TSTree *tree, Walk *walk, Record *out, u32 room, Cursor *buffer) {
  u32 n = 0;
  while (n < room) {
    Record *r = &out[n++];
    *buffer = walk->cursor;
    r->flags = ts_tree_cursor_current_field_id_wasm(tree) << 16;
    r->depth = walk->depth;
    *buffer = walk->cursor;
    ts_tree_cursor_current_node_wasm(tree);
    describe(tree, (Node *)buffer, r);

    *buffer = walk->cursor;
    if (ts_tree_cursor_goto_first_child_wasm(tree)) {
      walk->depth++;
      walk->cursor = *buffer;
      continue;
    }
    for (;;) {
      walk->cursor = *buffer;
      if (ts_tree_cursor_goto_next_sibling_wasm(tree))
        break;
      *buffer = walk->cursor;
      if (!ts_tree_cursor_goto_parent_wasm(tree)) {
        return n | 1u << 31;
      }
      walk->depth--;
    }
    walk->cursor = *buffer;
  }
  return n;
}
