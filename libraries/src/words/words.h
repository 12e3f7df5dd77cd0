// Counts the words of a text, with C++ inside and C outside.
#ifndef WORDS_H
#define WORDS_H

#ifdef __cplusplus
extern "C" {
#endif

typedef struct words words;

words *words_new(void);
void words_free(words *w);

// Adds the words of a text: ASCII letters and digits, in lower case. A word that the end of the text cuts is two.
void words_add(words *w, const char *text, unsigned size);

// Returns how many words were added, how many different ones, and how often one occurred.
unsigned words_total(const words *w);
unsigned words_different(const words *w);
unsigned words_count(const words *w, const char *word);

// Chooses the order of a report by a function of the caller's: is a word before another one?
typedef int (*words_before)(const char *a, unsigned count_a, const char *b, unsigned count_b);

// Returns a report of at most limit words (0: of all), to be freed with free. format is "table", "csv" or "json";
// another one gives a null pointer. before is null for: the most frequent first, then by the alphabet.
char *words_report(const words *w, const char *format, words_before before, unsigned limit);

#ifdef __cplusplus
}
#endif
#endif
