// Looks symbols up as often as standard input says, and prints the processor time of each look-up.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <time.h>

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return t.tv_sec * 1e9 + t.tv_nsec;
}

// The arguments are a library, a symbol of its last dependency, and one of its first.
int main(int argc, char **argv)
{
	void *root = argc == 4 ? dlopen(argv[1], RTLD_NOW | RTLD_GLOBAL) : 0;
	char where;
	long n;
	if (!root) {
		fprintf(stderr, "%s\n", argc == 4 ? dlerror() : "want 3 arguments");
		return 1;
	}
	while (scanf(" %c %ld", &where, &n) == 2) {
		void *scope = where == 'd' ? RTLD_DEFAULT : root;
		const char *symbol = where == 'd' ? argv[2] : argv[3];
		double start = now();
		for (long i = 0; i < n; i++)
			if (!dlsym(scope, symbol)) {
				fprintf(stderr, "%s\n", dlerror());
				return 1;
			}
		printf("%.3f\n", (now() - start) / n);
		fflush(stdout);
	}
	return 0;
}
