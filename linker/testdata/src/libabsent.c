// Linked against by libneeds_missing, then left out.
int absent(int x) { return x; }
