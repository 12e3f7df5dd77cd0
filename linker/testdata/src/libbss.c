// Zero-initialised data, much larger than the file: it has to be zero even where the memory was used before.
enum { words = 25000 };
static int bss[words];
static int initialised[4] = {91, 92, 93, 94};
// The sum of the words in [from, to): 0 until somebody writes.
int bss_sum(int from, int to) {
  int sum = 0;
  for (int i = from < 0 ? 0 : from; i < to && i < words; i++) sum += ((volatile int *)bss)[i];
  return sum;
}
int bss_words(void) { return words; }
void bss_write(int i, int value) {
  if (i >= 0 && i < words) bss[i] = value;
}
int bss_initialised(int i) { return ((volatile int *)initialised)[i & 3]; }
