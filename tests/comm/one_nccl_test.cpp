// LibTorch's CUDA half and this program, in one process, load one NCCL and one CUDA runtime. No GPU is needed, but all that
// libtorch_cuda.so loads is: exit code 77 without.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
#include <set>
#include <string>

#include "base/error.hpp"
#include "comm/nccl_versions.hpp"
#include "device/gpus.hpp"
#include "device/libtorch_cuda.hpp"

namespace {

std::set<std::string> loaded(const std::string& name) {
  std::set<std::string> files;
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    const auto path = line.find('/');
    if (path != std::string::npos && line.substr(line.rfind('/') + 1).starts_with(name)) files.insert(line.substr(path));
  }
  return files;
}

TEST(OneCopy, OfNcclAndTheCudaRuntime) {
  EXPECT_FALSE(layersweep::comm::nccl_versions()->loaded.empty());
  EXPECT_FALSE(layersweep::device::cuda_versions().loaded.empty());
  EXPECT_EQ(loaded("libtorch_cuda.so").size(), 1U);
  EXPECT_THAT(loaded("libnccl.so"), testing::SizeIs(1));
  EXPECT_THAT(loaded("libcudart.so"), testing::SizeIs(1));
}

}  // namespace

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  try {
    layersweep::device::load_libtorch_cuda();
  } catch (const layersweep::base::InputError& error) {
    std::printf("skipped: %s\n", error.what());
    return 77;
  }
  return RUN_ALL_TESTS();
}
