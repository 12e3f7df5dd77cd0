#include "words.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <numeric>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

using Entry = std::pair<std::string, unsigned>;
using Order = std::function<bool(const Entry &, const Entry &)>;

// A histogram of anything that can be ordered.
template <typename Key> class Histogram {
public:
  template <typename K> void add(K &&key) { ++counts_[Key(std::forward<K>(key))]; }
  template <typename K> unsigned count(const K &key) const {
    auto it = counts_.find(key);
    return it == counts_.end() ? 0 : it->second;
  }
  unsigned total() const {
    return std::accumulate(counts_.begin(), counts_.end(), 0u, [](unsigned n, const auto &e) { return n + e.second; });
  }
  std::size_t size() const { return counts_.size(); }
  std::vector<std::pair<Key, unsigned>> entries() const { return {counts_.begin(), counts_.end()}; }

private:
  std::map<Key, unsigned, std::less<>> counts_;
};

// A way to write a report.
class Format {
public:
  virtual ~Format() = default;
  virtual void begin(std::string &) const {}
  virtual void entry(std::string &out, const Entry &e, bool first) const = 0;
  virtual void end(std::string &) const {}
};

class Table final : public Format {
  void entry(std::string &out, const Entry &e, bool) const override {
    std::string number = std::to_string(e.second);
    if (number.size() < 6) out.append(6 - number.size(), ' ');
    out += number + "  " + e.first + "\n";
  }
};

class CSV final : public Format {
  void begin(std::string &out) const override { out += "word,count\n"; }
  void entry(std::string &out, const Entry &e, bool) const override {
    out += e.first + "," + std::to_string(e.second) + "\n";
  }
};

class JSON final : public Format {
  void begin(std::string &out) const override { out += "{"; }
  void entry(std::string &out, const Entry &e, bool first) const override {
    if (!first) out += ",";
    out += "\"" + e.first + "\":" + std::to_string(e.second); // a word has no character to be escaped
  }
  void end(std::string &out) const override { out += "}\n"; }
};

// The formats by name. A library's global objects are made by its constructors, in the first thread.
const std::map<std::string, std::unique_ptr<Format>, std::less<>> &formats() {
  static const auto *all = [] {
    auto *m = new std::map<std::string, std::unique_ptr<Format>, std::less<>>;
    m->emplace("table", std::make_unique<Table>());
    m->emplace("csv", std::make_unique<CSV>());
    m->emplace("json", std::make_unique<JSON>());
    return m;
  }();
  return *all;
}
const auto &prepared = formats();

bool most_frequent(const Entry &a, const Entry &b) { return a.second != b.second ? a.second > b.second : a.first < b.first; }

bool in_word(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

} // namespace

struct words {
  Histogram<std::string> histogram;
};

words *words_new(void) { return new words; }
void words_free(words *w) { delete w; }

void words_add(words *w, const char *text, unsigned size) {
  std::string_view rest(text, size);
  for (;;) {
    auto begin = std::find_if(rest.begin(), rest.end(), in_word);
    auto end = std::find_if_not(begin, rest.end(), in_word);
    if (begin == end) return;
    std::string word(begin, end);
    std::transform(word.begin(), word.end(), word.begin(), lower);
    w->histogram.add(std::move(word));
    rest.remove_prefix(static_cast<std::size_t>(end - rest.begin()));
  }
}

unsigned words_total(const words *w) { return w->histogram.total(); }
unsigned words_different(const words *w) { return static_cast<unsigned>(w->histogram.size()); }
unsigned words_count(const words *w, const char *word) { return w->histogram.count(std::string_view(word)); }

char *words_report(const words *w, const char *format, words_before before, unsigned limit) {
  auto f = formats().find(std::string_view(format));
  if (f == formats().end()) return nullptr;
  Order order = most_frequent;
  if (before) {
    order = [before](const Entry &a, const Entry &b) {
      return before(a.first.c_str(), a.second, b.first.c_str(), b.second) != 0;
    };
  }
  auto entries = w->histogram.entries();
  std::sort(entries.begin(), entries.end(), order);
  if (limit != 0 && entries.size() > limit) entries.resize(limit);

  std::string out;
  f->second->begin(out);
  for (std::size_t i = 0; i < entries.size(); i++) f->second->entry(out, entries[i], i == 0);
  f->second->end(out);
  auto *result = static_cast<char *>(std::malloc(out.size() + 1));
  if (result) std::memcpy(result, out.c_str(), out.size() + 1);
  return result;
}
