// layersweep doctor: what this build and machine offer.
#include <fmt/format.h>

#include "app/commands.hpp"
#include "app/doctor.hpp"
#include "app/help.hpp"
#include "app/standard_streams.hpp"

namespace layersweep::app {

namespace {

base::ExitCode run(const config::Arguments&) {
  const Diagnosis diagnosis = diagnose(look_at_machine());
  std::string text = version_text();
  for (const std::string& fact : diagnosis.facts) text += fact + "\n";
  for (const std::string& remark : diagnosis.remarks) text += "note: " + remark + "\n";
  for (const std::string& problem : diagnosis.problems) text += "problem: " + problem + "\n";
  if (diagnosis.problems.empty()) text += "no problem found\n";
  print(text);
  return diagnosis.problems.empty() ? base::ExitCode::done : base::ExitCode::failed;
}

}  // namespace

Command doctor_command() {
  return {.name = "doctor",
          .summary = "Tells what this build and machine offer and what is set up wrongly (then exit code 1)",
          .run = run};
}

}  // namespace layersweep::app
