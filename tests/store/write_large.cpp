// write_large FILE [EXAMPLES]: a valid question-answering file of the size that all of SQuAD gives (88,000 texts of 128 to
// 222 tokens, 26 points, 3 seeds, one mode), whose masks nobody wrote: to measure what `inspect`, `validate` and `merge`
// take.
#include <fmt/format.h>

#include <cstdlib>

#include "base/error.hpp"
#include "store/results_writer.hpp"

namespace layersweep {
namespace {

constexpr std::int64_t examples_at_once = 4096;
constexpr std::int64_t points = 26;
constexpr std::int64_t seeds = 3;

std::int64_t token_count(std::int64_t example) { return 128 + example * 37 % 95; }

store::Contents contents_of(std::int64_t examples) {
  store::Contents contents;
  contents.examples = examples;
  for (std::int64_t e = 0; e < examples; ++e) contents.tokens += token_count(e);
  contents.example_id_bytes = 24;
  contents.token_text_bytes = 18;
  for (std::int64_t p = 0; p < points; ++p) contents.points.push_back({fmt::format("point {}", p), 1024});
  contents.seeds = {0, 1, 2};
  contents.modes = {{"hidden", {}}};
  contents.output = terms::OutputKind::span;
  return contents;
}

// The texts and predictions of some examples.
void write_texts(store::ResultsWriter& writer, std::int64_t first, std::int64_t count, std::int64_t first_token) {
  std::vector<std::string> ids, tokens;
  std::vector<std::int32_t> counts, starts;
  for (std::int64_t e = first; e < first + count; ++e) {
    ids.push_back(fmt::format("train/{}", e));
    counts.push_back(static_cast<std::int32_t>(token_count(e)));
    starts.push_back(static_cast<std::int32_t>(first_token + std::ssize(tokens)));
    for (std::int64_t t = 0; t < token_count(e); ++t) tokens.push_back(fmt::format("token{}", (e + t) % 30000));
  }
  const store::Slab by_example{{first}, {count}};
  const store::Slab by_token{{first_token}, {std::ssize(tokens)}};
  writer.write_text("example_id", first, ids);
  writer.write<std::int32_t>("token_count", by_example, counts);
  writer.write<std::int32_t>("token_start", by_example, starts);
  writer.write<std::uint8_t>("split", by_example, std::vector<std::uint8_t>(ids.size(), 0));
  writer.write_text("token_text", first_token, tokens);
  writer.write<std::int32_t>("token_id", by_token, std::vector<std::int32_t>(tokens.size(), 7));
  writer.write<std::uint8_t>("token_part", by_token, std::vector<std::uint8_t>(tokens.size(), 3));
}

void write(const char* path, std::int64_t examples) {
  store::Provenance from;
  from.task = "squad";
  from.experiment = "[task]\nname = counting\n[probe]\nmodes = hidden\nseeds = 0,1,2\n[extract]\nsplits = train\n";  // any
  from.epsilon = 0.1;
  from.flip_limit = 1;
  store::ResultsWriter writer(comm::Communicator(), path, contents_of(examples), from);
  std::int64_t token = 0;
  for (std::int64_t first = 0; first < examples; first += examples_at_once) {
    const std::int64_t count = std::min(examples_at_once, examples - first);
    write_texts(writer, first, count, token);
    for (std::int64_t e = first; e < first + count; ++e) token += token_count(e);
  }
  writer.finish();
}

}  // namespace
}  // namespace layersweep

int main(int argc, char** argv) {
  if (argc != 2 && argc != 3) {
    std::fprintf(stderr, "usage: write_large FILE [EXAMPLES]\n");
    return 2;
  }
  try {
    layersweep::write(argv[1], argc == 3 ? std::atoll(argv[2]) : 88'000);
  } catch (const layersweep::base::InputError& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
  return 0;
}
