#include "base/json_keys.hpp"

#include <nlohmann/json.hpp>
#include <set>
#include <vector>

namespace layersweep::base {
namespace {

using nlohmann::json;

// Stops at the first such key, and where JSON ends to be any.
class DuplicateKeys final : public json::json_sax_t {
 public:
  const std::optional<std::string>& found() const { return found_; }

  bool start_object(std::size_t) override {
    open_objects_.emplace_back();
    return true;
  }
  bool end_object() override {
    open_objects_.pop_back();
    return true;
  }
  bool key(string_t& name) override {
    if (open_objects_.back().insert(name).second) return true;
    found_ = name;
    return false;
  }
  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t, const string_t&) override { return true; }
  bool string(string_t&) override { return true; }
  bool binary(binary_t&) override { return true; }
  bool start_array(std::size_t) override { return true; }
  bool end_array() override { return true; }
  bool parse_error(std::size_t, const std::string&, const json::exception&) override { return false; }

 private:
  std::vector<std::set<std::string>> open_objects_;
  std::optional<std::string> found_;
};

}  // namespace

std::optional<std::string> repeated_key(std::string_view json) {
  DuplicateKeys keys;
  nlohmann::json::sax_parse(json, &keys);
  return keys.found();
}

}  // namespace layersweep::base
