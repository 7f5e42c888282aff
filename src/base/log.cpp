#include "base/log.hpp"

#include <cstdio>
#include <string>

#include "base/printable.hpp"

namespace layersweep::base {
namespace {

int log_rank = 0;
int log_rank_count = 1;

// One write per line, so that lines of several ranks do not interleave.
void print_line(std::string_view text) {
  const std::string line = printable_lines(text) + '\n';
  std::fwrite(line.data(), 1, line.size(), stderr);
  std::fflush(stderr);
}

std::string rank_tag() { return log_rank_count > 1 ? fmt::format("[rank {}] ", log_rank) : std::string(); }

}  // namespace

void set_log_rank(int rank, int rank_count) {
  log_rank = rank;
  log_rank_count = rank_count;
}

bool speaks_for_world() { return log_rank == 0; }

void world_info(std::string_view line) {
  if (speaks_for_world()) print_line(line);
}

void world_warning(std::string_view line) {
  if (speaks_for_world()) print_line(fmt::format("warning: {}", line));
}

void local_warning(std::string_view line) { print_line(fmt::format("{}warning: {}", rank_tag(), line)); }

void local_error(std::string_view line) { print_line(fmt::format("{}error: {}", rank_tag(), line)); }

}  // namespace layersweep::base
