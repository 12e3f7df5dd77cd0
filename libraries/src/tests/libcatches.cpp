#include "throws.h"

#include <cstdio>
#include <new>

void catches(void (*hurl)(int), int how) {
  try {
    hurl(how);
    std::printf("  %d: nothing\n", how);
  } catch (int n) {
    std::printf("  %d: int %d\n", how, n);
  } catch (const Worse &f) {
    std::printf("  %d: Worse %d, %s\n", how, f.code, f.name());
  } catch (Fault &f) {
    std::printf("  %d: Fault %d, %s\n", how, f.code, f.name());
  } catch (const Worse *f) {
    std::printf("  %d: pointer to Worse %d\n", how, f->code);
  } catch (const Fault *f) {
    std::printf("  %d: pointer to Fault %d\n", how, f->code);
  } catch (Colour c) {
    std::printf("  %d: Colour %d\n", how, static_cast<int>(c));
  } catch (const std::out_of_range &) {
    std::printf("  %d: out of range\n", how);
  } catch (const std::string &s) {
    std::printf("  %d: string of %zu\n", how, s.size());
  } catch (const std::nested_exception &n) {
    std::printf("  %d: nested: %s", how, dynamic_cast<const std::exception &>(n).what());
    try {
      n.rethrow_nested();
    } catch (const Fault &f) {
      std::printf(" in Fault %d\n", f.code);
    } catch (...) {
      std::printf(" in another thing\n");
    }
  } catch (const std::runtime_error &e) {
    std::printf("  %d: run-time error: %s\n", how, e.what());
  } catch (const std::bad_alloc &) {
    std::printf("  %d: no memory\n", how);
  } catch (const std::exception &) {
    std::printf("  %d: exception\n", how);
  } catch (const char *s) {
    std::printf("  %d: %s\n", how, s);
  } catch (...) {
    std::printf("  %d: another thing\n", how);
  }
}
