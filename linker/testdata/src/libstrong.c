// Strong definitions of what libweak defines weakly and of what it misses.
int weak_defined(int x) { return x + 2; }
int weak_defined_data = 32;
int weak_missing(int x) { return x + 3; }
int weak_missing_data = 33;
