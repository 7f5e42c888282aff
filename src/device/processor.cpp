#include "device/processor.hpp"

#include <ATen/Context.h>

#include <algorithm>
#include <array>
#include <sstream>

#include "device/control_group.hpp"

namespace layersweep::device {
namespace {

// Those that change which kernels LibTorch and oneDNN choose, and hence the bits; x86, then ARM.
constexpr std::array relevant_features{"avx2",     "fma",      "avx512f",  "avx512_vnni", "avx512_bf16", "avx512_fp16",
                                       "amx_tile", "amx_bf16", "amx_int8", "asimd",       "sve",         "bf16"};

}  // namespace

Processor parse_processor(const std::string& cpuinfo) {
  Processor found{"unknown", {}};
  std::istringstream lines(cpuinfo);
  for (std::string line; std::getline(lines, line) && !line.empty();) {  // the first processor, up to the empty line
    const std::size_t colon = line.find(':');
    if (colon == std::string::npos) continue;
    const std::string key = line.substr(0, line.find_last_not_of(" \t", colon - 1) + 1);
    std::istringstream value(line.substr(colon + 1));
    if (key == "model name") {
      value >> std::ws;
      std::getline(value, found.name);
    } else if (key == "flags" || key == "Features") {
      for (std::string feature; value >> feature;) {
        if (std::ranges::find(relevant_features, feature) != relevant_features.end()) found.features.push_back(feature);
      }
    }
  }
  std::ranges::sort(found.features);
  return found;
}

Processor processor() { return parse_processor(text_of("/proc/cpuinfo")); }

bool flush_denormals() { return at::Context::setFlushDenormal(true); }

}  // namespace layersweep::device
