// The real NCCL and CUDA on one GPU, so with one rank: that our calls are the right ones, in the right order. It shows
// nothing of two ranks. Exit code 77 where no GPU is visible.
#include <cuda_runtime_api.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdio>
#include <functional>
#include <numeric>
#include <vector>

#include "comm/device_team.hpp"
#include "comm/gradient_reducer.hpp"
#include "comm/nccl_communicator.hpp"
#include "device/gpus.hpp"

namespace layersweep::comm {
namespace {

constexpr DeviceStream stream = nullptr;

/// Values that no sum of one rank may change.
std::vector<float> numbers(std::size_t count) {
  std::vector<float> values(count);
  std::iota(values.begin(), values.end(), -7.5F);
  return values;
}

class OnGpu {
 public:
  explicit OnGpu(const std::vector<float>& values) : buffer_(values.size()) {
    EXPECT_EQ(cudaMemcpy(buffer_.span().data, values.data(), values.size() * sizeof(float), cudaMemcpyHostToDevice),
              cudaSuccess);
  }
  DeviceSpan<float> span() const { return buffer_.span(); }
  DeviceSpan<std::byte> bytes() const { return {reinterpret_cast<std::byte*>(span().data), span().count * sizeof(float)}; }
  std::span<const float> view() const { return {span().data, span().count}; }

 private:
  DeviceBuffer buffer_;
};

std::vector<float> on_host(const float* data, std::size_t count) {
  std::vector<float> values(count);
  EXPECT_EQ(cudaMemcpy(values.data(), data, count * sizeof(float), cudaMemcpyDeviceToHost), cudaSuccess);
  return values;
}

void wait_for(const std::function<bool()>& done) {
  const auto start = std::chrono::steady_clock::now();
  while (!done()) {
    if (std::chrono::steady_clock::now() - start > std::chrono::seconds(60)) throw DeviceError("60 s were not enough");
  }
}

TEST(Gpu, IsSeen) {
  const device::Gpus gpus = device::visible_gpus();
  ASSERT_FALSE(gpus.visible.empty()) << gpus.problem;
  std::vector<std::string> addresses;
  for (const device::Gpu& gpu : gpus.visible) {
    EXPECT_FALSE(gpu.name.empty());
    EXPECT_GT(gpu.memory_bytes, std::int64_t{1} << 30);
    addresses.push_back(gpu.address);
  }
  EXPECT_EQ(device::assign_gpus("here", {addresses}), std::vector<int>{0});
}

// NCCL itself with one rank, which DeviceTeam would not ask.
TEST(Gpu, NcclSumsBroadcastsAndEndsInOrder) {
  use_device(0);
  NcclCommunicator::require_library();
  NcclCommunicator nccl(NcclCommunicator::make_id(), 0, 1, 0);
  wait_for([&] { return nccl.is_ready(); });
  for (const std::size_t count : {std::size_t{1}, std::size_t{1000}, std::size_t{3'000'000}}) {
    const std::vector<float> values = numbers(count);
    const OnGpu memory(values);
    nccl.start_sum(memory.span(), stream);
    wait_for([&] { return nccl.is_ready() && is_idle(stream); });
    nccl.start_broadcast(memory.bytes(), 0, stream);
    wait_for([&] { return nccl.is_ready() && is_idle(stream); });
    nccl.start_sum(DeviceSpan<double>{reinterpret_cast<double*>(memory.span().data), count / 2}, stream);
    wait_for([&] { return nccl.is_ready() && is_idle(stream); });
    EXPECT_EQ(on_host(memory.span().data, count), values);
  }
  nccl.start_finalize();
  wait_for([&] { return nccl.is_ready(); });
  nccl.destroy();
}

TEST(Gpu, NcclIsAbortedAtWork) {
  use_device(0);
  NcclCommunicator nccl(NcclCommunicator::make_id(), 0, 1, 0);
  wait_for([&] { return nccl.is_ready(); });
  const OnGpu memory(numbers(1 << 20));
  nccl.start_sum(memory.span(), stream);
  nccl.abort();
  NcclCommunicator unconnected(NcclCommunicator::make_id(), 0, 1, 0);
  unconnected.abort();
  EXPECT_EQ(cudaStreamSynchronize(nullptr), cudaSuccess);  // the GPU is still of use
}

TEST(Gpu, NamesACallThatFails) {
  try {
    use_device(99);
    FAIL() << "there is no GPU 99";
  } catch (const DeviceError& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr("cudaSetDevice failed (rank 0 on "));
  }
  EXPECT_NO_THROW(use_device(0));
  EXPECT_TRUE(is_idle(stream));  // the error does not stick
}

// Through the public interface, as a step uses it.
TEST(Gpu, GradientsOfOneRank) {
  const DeviceTeam team(Communicator(), 0);
  constexpr std::size_t count = 100'001;
  const OnGpu first(numbers(count));
  const OnGpu second(std::vector<float>(count, 2.5F));
  const auto add = [](float* sum, const float* addend, std::size_t length) {
    std::vector<float> sums = on_host(sum, length);
    const std::vector<float> addends = on_host(addend, length);
    for (std::size_t i = 0; i < length; ++i) sums[i] += addends[i];
    EXPECT_EQ(cudaMemcpy(sum, sums.data(), length * sizeof(float), cudaMemcpyHostToDevice), cudaSuccess);
  };
  GradientReducer reducer(team, stream, add, {4, 0, 4}, count);
  std::vector<float> expected = numbers(count);
  for (float& value : expected) value += 2.5F;
  for (int step = 0; step < 2; ++step) {
    reducer.add(1, first.view());
    reducer.add(3, second.view());
    EXPECT_EQ(on_host(reducer.sum().data(), count), expected);
  }
  EXPECT_EQ(on_host(reducer.sum().data(), count), std::vector<float>(count, 0.0F));  // a step without examples
}

}  // namespace
}  // namespace layersweep::comm

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  if (const auto gpus = layersweep::device::visible_gpus(); gpus.visible.empty()) {
    std::printf("skipped: no GPU here (%s)\n", gpus.problem.c_str());
    return 77;
  }
  return RUN_ALL_TESTS();
}
