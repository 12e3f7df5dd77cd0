// Mutual recursion with libeven; see there.
int even(int x);
int odd(int x) { return x == 0 ? 0 : even(x - 1); }
