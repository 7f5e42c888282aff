#include "config/names.hpp"

#include "base/error.hpp"

namespace layersweep::config {

namespace {

template <class E>
std::string_view look_up(E value) {
  for (const auto& [candidate, name] : Names<E>::table) {
    if (candidate == value) return name;
  }
  throw base::InternalError("an enumeration of the experiment holds a value that has no name");
}

}  // namespace

std::string_view name_of(TaskName value) { return look_up(value); }
std::string_view name_of(FinetunedModel value) { return look_up(value); }
std::string_view name_of(Mode value) { return look_up(value); }
std::string_view name_of(Sparsity value) { return look_up(value); }
std::string_view name_of(Replacement value) { return look_up(value); }
std::string_view name_of(Split value) { return look_up(value); }
std::string_view name_of(ExplainMethod value) { return look_up(value); }
std::string_view name_of(StandIn value) { return look_up(value); }
std::string_view name_of(Device value) { return look_up(value); }
std::string_view name_of(Precision value) { return look_up(value); }

}  // namespace layersweep::config
