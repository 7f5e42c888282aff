// Runs the built program as a user would.
#pragma once

#include <sys/wait.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>

#include "support/files.hpp"

namespace layersweep::test {

struct Outcome {
  int exit_code = -1;  ///< −1 when a signal ended it
  std::string out;
  std::string error;
};

inline std::string program_path() {
  const char* folder = std::getenv("LAYERSWEEP_BINARY_DIR");
  return std::string(folder != nullptr ? folder : ".") + "/src/app/layersweep";
}

/// `command` is a line for the shell in which $L stands for the program; its standard input is the given text.
inline Outcome shell(const std::string& command, const std::string& input = {}) {
  const TemporaryFolder folder;
  const auto file = [&](const char* name) { return (folder.path() / name).string(); };
  std::ofstream(file("input"), std::ios::binary) << input;
  std::ofstream(file("script")) << command << "\n";
  const std::string line = "L='" + program_path() + "' /bin/sh '" + file("script") + "' <'" + file("input") + "' >'" +
                           file("output") + "' 2>'" + file("error") + "'";
  const int status = std::system(line.c_str());
  const auto text = [&](const char* name) {
    std::ifstream stream(file(name), std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(stream), {});
  };
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, text("output"), text("error")};
}

}  // namespace layersweep::test
