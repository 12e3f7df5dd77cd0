// Mutual recursion with libodd. Neither names the other as needed: the one that is opened first binds to
// a function that comes later.
int odd(int x);
int even(int x) { return x == 0 ? 1 : odd(x - 1); }
