// Needs a library that uses something, and one that has it. Neither needs the other.
int scope_top(int x) { return x + 7; }
