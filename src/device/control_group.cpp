#include "device/control_group.hpp"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <limits>
#include <optional>
#include <sstream>

namespace layersweep::device {
namespace {

constexpr double unlimited = std::numeric_limits<double>::infinity();

// The first number of a file; nothing where there is none, as in "max 100000".
std::optional<double> number_in(const std::filesystem::path& file) {
  std::istringstream text(text_of(file));
  double number = 0;
  if (text >> number) return number;
  return std::nullopt;
}

}  // namespace

std::string text_of(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

std::vector<std::filesystem::path> control_group_folders(std::string_view proc_cgroup, std::string_view controller,
                                                         const std::filesystem::path& mount) {
  std::vector<std::filesystem::path> folders;
  const auto climb = [&](const std::filesystem::path& root, std::filesystem::path group) {
    for (;; group = group.parent_path()) {
      folders.push_back((root / group.relative_path()).lexically_normal());
      if (group.relative_path().empty()) return;
    }
  };
  // Lines are number:controllers:path; version 2 has number 0 and no controllers.
  std::istringstream lines{std::string(proc_cgroup)};
  for (std::string line; std::getline(lines, line);) {
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const std::filesystem::path group = line.substr(second + 1);
    if (controllers.empty()) {
      climb(mount, group);
    } else if (("," + controllers + ",").find("," + std::string(controller) + ",") != std::string::npos) {
      climb(mount / controllers, group);
    }
  }
  return folders;
}

double smallest_processor_quota(const std::vector<std::filesystem::path>& folders) {
  double smallest = unlimited;
  for (const auto& folder : folders) {
    std::istringstream both(text_of(folder / "cpu.max"));  // "quota period" or "max period", in microseconds
    double quota = 0;
    double period = 0;
    if (!(both >> quota >> period)) {
      quota = number_in(folder / "cpu.cfs_quota_us").value_or(-1);  // −1: none
      period = number_in(folder / "cpu.cfs_period_us").value_or(0);
    }
    if (quota > 0 && period > 0) smallest = std::min(smallest, quota / period);
  }
  return smallest;
}

double smallest_memory_limit(const std::vector<std::filesystem::path>& folders) {
  double smallest = unlimited;
  for (const auto& folder : folders) {
    for (const char* name : {"memory.max", "memory.limit_in_bytes"}) {
      smallest = std::min(smallest, number_in(folder / name).value_or(unlimited));
    }
  }
  return smallest;
}

std::vector<std::filesystem::path> own_control_group_folders(std::string_view controller) {
  return control_group_folders(text_of("/proc/self/cgroup"), controller, "/sys/fs/cgroup");
}

}  // namespace layersweep::device
