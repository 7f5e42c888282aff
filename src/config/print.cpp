#include "config/print.hpp"

#include <fmt/format.h>

#include "base/hash.hpp"
#include "config/options.hpp"

namespace layersweep::config {

std::string resolved_text(const Experiment& experiment) {
  std::string text, section;
  for (const Option& option : options()) {
    if (option.section() != section) {
      text += (section.empty() ? "[" : "\n[") + std::string(option.section()) + "]\n";
      section = option.section();
    }
    const std::string value = option.write(experiment);
    text += fmt::format("{} ={}{}\n", option.name(), value.empty() ? "" : " ", value);
  }
  return text;
}

std::string identity_hash(const Experiment& experiment) {
  std::string text;
  for (const Option& option : options()) {
    if (option.identity == Identity::counts) text += fmt::format("{}={}\n", option.key, option.write(experiment));
  }
  return base::sha256_of_text(text);
}

std::vector<IdentityChange> identity_changes(const Experiment& before, const Experiment& after) {
  std::vector<IdentityChange> changes;
  for (const Option& option : options()) {
    if (option.identity != Identity::counts) continue;
    std::string old_value = option.write(before), new_value = option.write(after);
    if (old_value != new_value) changes.push_back({option.key, std::move(old_value), std::move(new_value)});
  }
  return changes;
}

}  // namespace layersweep::config
