// What a command takes, declared once: parsing, refusals and the help text come from the same list.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace layersweep::config {

struct Argument {
  enum class Count { optional, required, repeated };

  std::string name;        ///< "--set", or "EXPERIMENT" for one that is told by its place
  std::string value = {};  ///< what follows an option, "section.key=value"; empty for a flag
  std::string help;
  Count count = Count::optional;  ///< repeated: any number, also none

  bool is_option() const { return name.starts_with("--"); }
};

/// What was given, by the names of the declarations.
class Arguments {
 public:
  /// `command` names the command in messages. Throws UsageError for unknown options (with near ones), missing or
  /// surplus arguments, and options given twice that may stand once.
  Arguments(std::string_view command, std::span<const Argument> declared, const std::vector<std::string>& given);

  bool has(const std::string& name) const { return values_.contains(name); }
  /// The value of a required argument.
  const std::string& value(const std::string& name) const { return values_.at(name).front(); }
  std::optional<std::string> find(const std::string& name) const;
  std::vector<std::string> all(const std::string& name) const;

 private:
  std::map<std::string, std::vector<std::string>> values_;
};

/// "Usage: layersweep run EXPERIMENT [--set section.key=value]…" and a line for each argument.
std::string usage_text(std::string_view command, std::span<const Argument> declared);

}  // namespace layersweep::config
